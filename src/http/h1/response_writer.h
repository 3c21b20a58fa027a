// SPDX-License-Identifier: Apache-2.0
//
// Writes the head of a response as HTTP/1.1 (RFC 9112 sections 4 and 6): status line, Date, Server, fields,
// and what the driver alone decides, Content-Length, Transfer-Encoding and Connection. Sans-I/O.
//
// No octet of an application can end a line: CR, LF and NUL in a reason or value, and names that are not
// tokens, are refused (find_unsafe_field names the offender). `prepared_fields` go out verbatim:
// whoever prepared them has checked them. The caller gives the buffer; nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace remuda::http::h1 {

// How the content follows the head. What the sender does after it is the sender's business.
enum class ResponseFraming : uint8_t {
  kNoContent,   // neither Content-Length nor Transfer-Encoding
  kLength,      // Content-Length, which with HEAD is followed by nothing
  kChunked,     // Transfer-Encoding: chunked
  kUntilClose,  // the end of the connection is the end of the content
};

// What the driver says in a head, beside what the response says.
struct ResponseHead {
  Version version = Version::k11;  // of the request: an HTTP/1.0 client is told that the connection is kept
  std::string_view date;           // 29 octets, IMF-fixdate; empty: no Date
  std::string_view server;         // trusted text; empty: no Server
  ResponseFraming framing = ResponseFraming::kNoContent;
  uint64_t length = 0;      // with kLength
  bool keep_alive = false;  // no Connection field or "keep-alive" to HTTP/1.0; else "close"
};

// Writes status line, Date, Server, Content-Length or Transfer-Encoding, Connection, response.fields,
// response.prepared_fields and the empty line into `room`; the size of it all.
//
// Whatever `framing` says, 1xx and 204 carry neither length nor coding. Of response.fields, Connection,
// Keep-Alive, Proxy-Connection, Content-Length and Transfer-Encoding are skipped, and so is Upgrade but with
// 101 and 426, which then say "Connection: upgrade". Date and Server of the response replace those of `head`.
//
//   ENOBUFS  `room` is too small: response_head_room() says what suffices
//   EINVAL   a status outside 100..999, or a reason, name or value that cannot stand on a line: see
//            find_unsafe_field()
base::Result<size_t> write_response_head(std::span<char> room, const ResponseHead& head,
                                         const Response& response);
size_t response_head_room(const ResponseHead& head, const Response& response);

// An interim response, status 100..199 but 101: status line, fields, empty line. Errors as above.
base::Result<size_t> write_interim_head(std::span<char> room, int status, const Fields& fields);
size_t interim_head_room(const Fields& fields);

// The name of the field that made a head fail with EINVAL, "reason" or "status" for those; empty if none
// does.
std::string_view find_unsafe_field(const Response& response);

// Whether a value can stand on a line: no CR, LF or NUL. Other controls pass: what an application says about
// itself is its own, as long as it cannot end the line.
bool is_safe_value(std::string_view value);

}  // namespace remuda::http::h1
