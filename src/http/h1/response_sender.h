// SPDX-License-Identifier: Apache-2.0
//
// send_response(): writes the response of an exchange, whatever its content, within one connection (RFC
// 9112).
//
//     content        how it goes out
//     none, memory   head and bytes in one sendmsg
//     file           head with MSG_MORE, then sendfile
//     stream         head at once, or with the first bytes if the body has them ready; chunked if its length
//                    is not known and the client speaks HTTP/1.1, else until the end of the connection. Read
//                    no further than the response needs, then stopped: whoever gives it may have work left
//     raw            (NPH) the stream alone; it brings its own head
#pragma once

#include "http/h1/exchange.h"

namespace remuda::http::h1 {

// Whether the connection goes on after a response, as its head says.
enum class Persistence : uint8_t { kKeep, kClose };

struct Sent {
  bool complete = false;                          // the whole response went out
  Persistence persistence = Persistence::kClose;  // what was promised, or forced by the framing
  std::string_view trouble;                       // why it is not complete
  bool unsendable = false;                        // the response is at fault, and no byte of it went out
};

// `active` gives the memory, `wish` is what the connection would like. Fills exchange.record's counts and
// times.
loop::Task<Sent> send_response(Driver& driver, H1Exchange& exchange, Active& active, Persistence wish);

}  // namespace remuda::http::h1
