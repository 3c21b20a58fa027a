// SPDX-License-Identifier: Apache-2.0
//
// See testing.h.
#include "testing.h"

#include <errno.h>
#include <stdlib.h>

#include <atomic>

namespace {

std::atomic<size_t> refused_after{SIZE_MAX};
std::atomic<size_t> asked{0};

bool is_refused() {
  if (asked++ < refused_after) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {
void* __real_malloc(size_t size);
void* __real_realloc(void* memory, size_t size);
void* __wrap_malloc(size_t size);
void* __wrap_realloc(void* memory, size_t size);

void* __wrap_malloc(size_t size) { return is_refused() ? nullptr : __real_malloc(size); }
void* __wrap_realloc(void* memory, size_t size) {
  return is_refused() ? nullptr : __real_realloc(memory, size);
}
}

namespace remuda::app::testing {

std::string record(RecordType type, uint16_t id, std::string_view content, uint8_t padding) {
  char header[kHeaderSize];
  encode_header(
      {.type = type, .id = id, .content = static_cast<uint16_t>(content.size()), .padding = padding}, header);
  std::string bytes(header, kHeaderSize);
  bytes += content;
  return bytes.append(padding, '#');
}

std::string begin(uint16_t id, Role role, bool keep) {
  const char content[8] = {0, static_cast<char>(role), static_cast<char>(keep ? 1 : 0)};
  return record(RecordType::kBeginRequest, id, std::string_view(content, 8));
}

static std::string length(size_t size) {
  if (size < 128) return std::string(1, static_cast<char>(size));
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
  bytes[0] = static_cast<char>(bytes[0] | 0x80);
  return bytes;
}

std::string pair(std::string_view name, std::string_view value) {
  std::string bytes = length(name.size()) + length(value.size());
  bytes += name;
  bytes += value;
  return bytes;
}

std::string pairs(const Variables& variables) {
  std::string bytes;
  for (const auto& [name, value] : variables) bytes += pair(name, value);
  return bytes;
}

std::string stream(RecordType type, uint16_t id, std::string_view content, size_t most) {
  std::string bytes;
  for (; !content.empty(); content.remove_prefix(std::min(most, content.size()))) {
    const std::string_view piece = content.substr(0, most);
    bytes += record(type, id, piece, static_cast<uint8_t>(padding_of(piece.size())));
  }
  return bytes + record(type, id, {});
}

std::string request(uint16_t id, const Variables& variables, std::string_view body, bool keep) {
  return begin(id, Role::kResponder, keep) + stream(RecordType::kParams, id, pairs(variables)) +
         stream(RecordType::kStdin, id, body);
}

void Answers::feed(std::string_view bytes) {
  rest_ += bytes;
  size_t at = 0;
  while (rest_.size() - at >= kHeaderSize) {
    const RecordHeader header = decode_header(rest_.data() + at);
    const size_t whole = kHeaderSize + header.content + header.padding;
    if (header.version != kVersion) fault = "not FastCGI";
    if (whole % 8 != 0) fault = "not padded";
    if (!fault.empty() || rest_.size() - at < whole) break;
    take(header, rest_.substr(at + kHeaderSize, header.content));
    at += whole;
  }
  rest_.erase(0, at);
}

void Answers::take(const RecordHeader& header, std::string content) {
  order.emplace_back(header.type, header.id);
  if (header.id == 0) {
    management.emplace_back(header.type, std::move(content));
    return;
  }
  Answer& answer = by_id[header.id];
  if (answer.ended) fault = "a record after the end of its request";
  switch (header.type) {
    case RecordType::kStdout:
      if (answer.output_ended) fault = "output after its end";
      answer.output_ended = content.empty();
      answer.output += content;
      break;
    case RecordType::kStderr: answer.log += content; break;
    case RecordType::kEndRequest:
      answer.ended = true;
      for (int i = 0; i < 4; ++i) answer.status = answer.status << 8 | static_cast<uint8_t>(content[i]);
      answer.protocol = static_cast<uint8_t>(content[4]);
      break;
    default: fault = "a record that no application sends";
  }
}

size_t Answers::ended() const {
  size_t count = 0;
  for (const auto& [id, answer] : by_id) count += answer.ended ? 1 : 0;
  return count;
}

void refuse_memory(size_t after) {
  asked = 0;
  refused_after = after;
}

size_t memory_requests() { return asked; }

}  // namespace remuda::app::testing
