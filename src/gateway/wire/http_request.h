// SPDX-License-Identifier: Apache-2.0
//
// The HTTP wire, towards the application: a request's head in HTTP/1.1 (RFC 9112 section 3), written anew
// from what was read, never copied: the request line in origin form as the client encoded it, Host, the
// fields that are passed (passed_fields.h), who it comes from, the framing of the body. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace remuda::gateway::wire {

// Who an application may believe the client to be: X-Forwarded-For, -Proto, -Host.
enum class Forwarded : uint8_t {
  kReplace,  // the connection alone says it; what the client says of itself in such fields is left out
  kAppend,   // the client is a proxy: its own address is put behind what it says, the others stand
  kPass,     // as they came, nothing is added
};

struct HttpRequestHead {
  // The content follows with Content-Length, or in chunks; kNone: there is none.
  enum class Body : uint8_t { kNone, kLength, kChunked };
  enum class After : uint8_t { kKeep, kClose };  // the connection

  Body body = Body::kNone;
  uint64_t length = 0;
  After after = After::kKeep;
  Forwarded forwarded = Forwarded::kReplace;
  bool pass_authorization = true;
  bool upgrade = false;  // the client's Upgrade goes along
  // "NAME=value\0" one after the other: HTTP_X_A stands in the place of the client's X-A. Others mean nothing
  // here.
  std::string_view variables{};
};

// Whether the client would have its connection become another protocol's (RFC 9110 section 7.8).
bool asks_for_upgrade(const http::Request& request);

void append_http_request(const http::Request& request, const HttpRequestHead& head, std::string& out);

// A piece of a body in chunks, not empty; and what ends it.
void append_http_chunk(std::string_view bytes, std::string& out);
inline constexpr std::string_view kLastHttpChunk = "0\r\n\r\n";

}  // namespace remuda::gateway::wire
