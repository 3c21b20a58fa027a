// SPDX-License-Identifier: Apache-2.0
//
// Framing by the fields of a head. Each function judges one field; most requests have none of them but
// Connection.
#include "http/h1/framing.h"

#include "base/ascii.h"

namespace remuda::http::h1 {

namespace {

constexpr size_t kMostLengthDigits = 19;  // 2^63 - 1 has so many

bool is_known_coding(std::string_view coding) {
  for (const std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"}) {
    if (base::equal_ignoring_case(coding, known)) return true;
  }
  return false;
}

// Other readers skip more, or less, than a space here: a tab beside the value is refused (RFC 9112
// section 11.2).
// `value` is trimmed and stands in its line, between the colon and CR.
bool stands_beside_tab(std::string_view value) {
  const char* before = value.data() - 1;
  const char* after = value.data() + value.size();
  while (*before == ' ') --before;
  while (*after == ' ') ++after;
  return *before == '\t' || *after == '\t';
}

Refusal read_transfer_encoding(const Request& request) {
  const Field& field = *request.fields.first(KnownName::kTransferEncoding);
  if (request.version == Version::k10) return {400, "Transfer-Encoding in an HTTP/1.0 request"};
  if (field.next_of_same_name != 0) return {400, "more than one Transfer-Encoding field"};
  if (request.fields.has(KnownName::kContentLength)) return {400, "Transfer-Encoding beside Content-Length"};
  if (field.value.empty() || stands_beside_tab(field.value)) return {400, "a malformed Transfer-Encoding"};
  if (base::equal_ignoring_case(field.value, "chunked")) return {};
  std::string_view rest = field.value;
  std::string_view coding;
  bool chunked = false;
  bool known = true;
  while (base::next_list_member(rest, coding)) {
    if (!base::is_token(coding)) return {400, "a malformed Transfer-Encoding"};
    if (chunked) return {400, "the chunked coding is not the last, or repeated"};
    chunked = base::equal_ignoring_case(coding, "chunked");
    known = known && (chunked || is_known_coding(coding));
  }
  if (known && !chunked) return {501, "the last transfer coding is not chunked"};
  return {501, "a transfer coding other than chunked"};
}

Refusal read_content_length(const Request& request, uint64_t& length) {
  const Field& field = *request.fields.first(KnownName::kContentLength);
  if (field.next_of_same_name != 0) return {400, "more than one Content-Length field"};
  if (field.value.empty()) return {400, "an empty Content-Length"};
  if (field.value.size() > kMostLengthDigits) return {400, "Content-Length is too long"};
  for (const char digit : field.value) {
    if (!base::is_digit(digit)) return {400, "Content-Length is not a number"};
    length = length * 10 + (digit - '0');
  }
  if (length > static_cast<uint64_t>(INT64_MAX)) return {400, "Content-Length is too large"};
  return {};
}

Refusal read_expect(const Request& request, Framing& framing) {
  if (request.version == Version::k10) return {};
  for (const Field* field = request.fields.first(KnownName::kExpect); field != nullptr;
       field = request.fields.next(*field)) {
    if (!base::equal_ignoring_case(field->value, "100-continue"))
      return {417, "an expectation other than 100-continue"};
  }
  framing.expects_continue = framing.kind == Framing::Kind::kChunked ||
                             (framing.kind == Framing::Kind::kLength && framing.length > 0);
  return {};
}

struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
};

// `lower` is of small letters and "-"; `option` holds no CR, the only other octet that bit 0x20 makes "-".
template <size_t kSize>
bool is_option(std::string_view option, const char (&lower)[kSize]) {
  if (option.size() != kSize - 1) return false;
  bool same = true;
  for (size_t i = 0; i < kSize - 1; ++i) same = same & ((option[i] | 0x20) == lower[i]);
  return same;
}

void take_option(std::string_view option, ConnectionOptions& options) {
  if (is_option(option, "keep-alive")) options.keep_alive = true;
  if (is_option(option, "close")) options.close = true;
  if (is_option(option, "upgrade")) options.upgrade = true;
}

void read_connection(const Request& request, Framing& framing) {
  ConnectionOptions options;
  for (const Field* field = request.fields.first(KnownName::kConnection); field != nullptr;
       field = request.fields.next(*field)) {
    if (is_option(field->value, "keep-alive")) {  // what browsers send
      options.keep_alive = true;
      continue;
    }
    std::string_view rest = field->value;
    std::string_view option;
    while (base::next_list_member(rest, option)) take_option(option, options);
  }
  const bool is_11 = request.version == Version::k11;
  framing.keep_alive = !options.close && (is_11 || options.keep_alive);
  framing.upgrade = is_11 && options.upgrade && request.fields.has(KnownName::kUpgrade);
}

}  // namespace

Refusal frame_request(const Request& request, Framing& framing) {
  const Fields& fields = request.fields;
  framing = {.keep_alive = request.version == Version::k11};
  if (fields.has(KnownName::kTransferEncoding)) {
    if (const Refusal refusal = read_transfer_encoding(request)) return refusal;
    framing.kind = Framing::Kind::kChunked;
  } else if (fields.has(KnownName::kContentLength)) {
    if (const Refusal refusal = read_content_length(request, framing.length)) return refusal;
    framing.kind = Framing::Kind::kLength;
  }
  if (fields.has(KnownName::kExpect)) {
    if (const Refusal refusal = read_expect(request, framing)) return refusal;
  }
  if (fields.has(KnownName::kConnection)) read_connection(request, framing);
  return {};
}

}  // namespace remuda::http::h1
