// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/fastcgi_encoder.h"

#include <algorithm>
#include <array>

namespace remuda::gateway::wire {

namespace {

// The longest content that needs no padding.
constexpr size_t kFullRecord = kFastcgiLongestContent / 8 * 8;
constexpr size_t kShortLength = 127;

size_t padding_of(size_t content) { return (8 - content % 8) % 8; }

char byte_of(size_t number, unsigned shift) { return static_cast<char>(number >> shift & 0xff); }

void append_header(FastcgiType type, uint16_t request, size_t content, std::string& out) {
  const std::array<char, kFastcgiHeaderSize> header = {static_cast<char>(kFastcgiVersion),
                                                       static_cast<char>(type),
                                                       byte_of(request, 8),
                                                       byte_of(request, 0),
                                                       byte_of(content, 8),
                                                       byte_of(content, 0),
                                                       static_cast<char>(padding_of(content)),
                                                       0};
  out.append(header.data(), header.size());
}

// A record whose header was left out before its content was known: written into its place.
void close_record(FastcgiType type, uint16_t request, size_t began, std::string& out) {
  const size_t content = out.size() - began - kFastcgiHeaderSize;
  std::string header;  // fits without allocation
  append_header(type, request, content, header);
  out.replace(began, kFastcgiHeaderSize, header);
  out.append(padding_of(content), '\0');
}

size_t size_of_length(size_t length) { return length <= kShortLength ? 1 : 4; }

// Section 3.4: one byte, or four with the highest bit set.
void append_length(size_t length, std::string& out) {
  if (length <= kShortLength) {
    out += static_cast<char>(length);
    return;
  }
  const std::array<char, 4> bytes = {static_cast<char>(byte_of(length, 24) | '\x80'), byte_of(length, 16),
                                     byte_of(length, 8), byte_of(length, 0)};
  out.append(bytes.data(), bytes.size());
}

size_t size_of_pair(std::string_view name, std::string_view value) {
  return size_of_length(name.size()) + size_of_length(value.size()) + name.size() + value.size();
}

void append_pair(std::string_view name, std::string_view value, std::string& out) {
  append_length(name.size(), out);
  append_length(value.size(), out);
  out.append(name).append(value);
}

// Takes "NAME=value\0" off the front.
std::string_view take_variable(std::string_view& variables) {
  const std::string_view first = variables.substr(0, variables.find('\0'));
  variables.remove_prefix(std::min(variables.size(), first.size() + 1));
  return first;
}

}  // namespace

void append_fastcgi_begin(uint16_t request, FastcgiRole role, KeepConnection keep, std::string& out) {
  append_header(FastcgiType::kBeginRequest, request, 8, out);
  const std::array<char, 8> body = {byte_of(static_cast<size_t>(role), 8),
                                    byte_of(static_cast<size_t>(role), 0),
                                    static_cast<char>(keep == KeepConnection::kYes ? 1 : 0)};
  out.append(body.data(), body.size());
}

bool append_fastcgi_params(uint16_t request, std::string_view variables, std::string& out) {
  const size_t before = out.size();
  size_t record = before;  // where the record under way began
  out.append(kFastcgiHeaderSize, '\0');
  while (!variables.empty()) {
    const std::string_view variable = take_variable(variables);
    const size_t equals = std::min(variable.find('='), variable.size());
    const std::string_view name = variable.substr(0, equals);
    const std::string_view value = variable.substr(std::min(equals + 1, variable.size()));
    const size_t size = size_of_pair(name, value);
    if (size > kFastcgiLongestContent) {
      out.resize(before);
      return false;
    }
    if (out.size() - record - kFastcgiHeaderSize + size > kFastcgiLongestContent) {
      close_record(FastcgiType::kParams, request, record, out);
      record = out.size();
      out.append(kFastcgiHeaderSize, '\0');
    }
    append_pair(name, value, out);
  }
  const bool empty = out.size() == record + kFastcgiHeaderSize;
  close_record(FastcgiType::kParams, request, record, out);
  if (!empty) append_fastcgi_stream_end(request, FastcgiType::kParams, out);
  return true;
}

void append_fastcgi_stream(uint16_t request, FastcgiType type, std::string_view content, std::string& out) {
  while (!content.empty()) {
    const std::string_view piece = content.substr(0, kFullRecord);
    append_header(type, request, piece.size(), out);
    out.append(piece).append(padding_of(piece.size()), '\0');
    content.remove_prefix(piece.size());
  }
}

void append_fastcgi_stream_end(uint16_t request, FastcgiType type, std::string& out) {
  append_header(type, request, 0, out);
}

void append_fastcgi_abort(uint16_t request, std::string& out) {
  append_header(FastcgiType::kAbortRequest, request, 0, out);
}

void append_fastcgi_get_values(std::string& out) {
  const size_t began = out.size();
  out.append(kFastcgiHeaderSize, '\0');
  for (const std::string_view name : {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"})
    append_pair(name, "", out);
  close_record(FastcgiType::kGetValues, 0, began, out);
}

}  // namespace remuda::gateway::wire
