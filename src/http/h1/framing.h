// SPDX-License-Identifier: Apache-2.0
//
// Framing: what a complete request head says about the bytes after it and about the connection (RFC 9112
// sections 6 and 9, RFC 9110 sections 7.8 and 10.1.1).
//
// frame_request() is strict: whatever two readers could understand differently is refused. Sans-I/O, pure,
// called once for every request by the HeadParser.
#pragma once

#include <cstdint>

#include "http/h1/refusal.h"
#include "http/message.h"

namespace remuda::http::h1 {

struct Framing {
  enum class Kind : uint8_t {
    kNone,     // neither Content-Length nor Transfer-Encoding: the next byte begins the next request
    kLength,   // `length` bytes, which may be 0
    kChunked,  // chunk after chunk
  };
  Kind kind = Kind::kNone;
  uint64_t length = 0;            // with kLength; at most 2^63 - 1
  bool expects_continue = false;  // HTTP/1.1 with Expect: 100-continue, and a body is to come
  bool keep_alive = false;        // the client wants the connection kept
  bool upgrade = false;  // HTTP/1.1 with Connection: upgrade and an Upgrade field: take-over is possible
};

// Reads Transfer-Encoding, Content-Length, Expect, Connection and Upgrade out of request.fields.
//
//   Transfer-Encoding   exactly one field, exactly "chunked" in any case. 400 on HTTP/1.0, beside
//                       Content-Length, repeated, empty, not last; other codings 501.
//   Content-Length      exactly one field of 1 to 19 digits, at most 2^63 - 1. 400 otherwise.
//   Expect              "100-continue" in any case, 417 otherwise; ignored on HTTP/1.0.
Refusal frame_request(const Request& request, Framing& framing);

}  // namespace remuda::http::h1
