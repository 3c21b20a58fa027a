// SPDX-License-Identifier: Apache-2.0
//
// Passage: after a 101 the client's connection and the application's are one: bytes go both ways, each as
// fast as the other side takes them, until one of them ends or neither has said anything for too long.
//
// A client that ends its sending is told what the application still has to say, for a moment: whoever hears
// of the end of a WebSocket's connection ends it too. Kept by the exchange, as the stream is.
#pragma once

#include "gateway/response_stream.h"
#include "http/handler.h"

namespace remuda::gateway {

class Passage final : public http::Takeover {
 public:
  // `stream`: open behind the head of the 101.
  Passage(http::Exchange& exchange, ResponseStream& stream) : exchange_(exchange), stream_(stream) {}

  loop::Task<void> run(http::ByteStream& client) override;

 private:
  // From the client, beside the other direction.
  loop::Task<void> upstream(http::ByteStream& client);
  loop::Task<void> downstream(http::ByteStream& client);

  http::Exchange& exchange_;
  ResponseStream& stream_;
};

}  // namespace remuda::gateway
