// SPDX-License-Identifier: Apache-2.0
//
// What the HTTP/1.1 driver may be told. The composition root translates the configuration into it; the
// defaults here are for tests only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "http/h1/head_parser.h"
#include "loop/time.h"

namespace remuda::http::h1 {

struct Options {
  HeadLimits head;                          // request line, fields: 414 and 431
  uint64_t body_bytes = uint64_t{1} << 30;  // 413, unless the handler sets another limit
  uint64_t drain_bytes = 256 * 1024;        // of an unread body, so that the connection can be kept
  loop::Duration first_byte = std::chrono::seconds(60);     // after accept
  loop::Duration head_time = std::chrono::seconds(15);      // from its first byte to its last
  loop::Duration body_time = std::chrono::seconds(30);      // without a byte of it
  loop::Duration response_time = std::chrono::seconds(30);  // without room for a byte of it
  loop::Duration idle = std::chrono::seconds(75);           // between requests
  loop::Duration linger = std::chrono::seconds(2);          // reading on after the end, RFC 9112 section 9.6
  loop::Duration rate_grace = std::chrono::seconds(30);  // waited on the whole before the rates are asked for
  uint64_t body_rate = 256;      // bytes a second at least, once rate_grace has been used up; 0: no minimum
  uint64_t response_rate = 256;  // the same for what the client reads
  std::string server_name = "remuda";  // the Server field; empty: none
};

}  // namespace remuda::http::h1
