// SPDX-License-Identifier: Apache-2.0
//
// EndpointWire: what the wires over connections have in common (wire.h): the ground that their conversations
// and channels stand on. One for an application and loop.
#pragma once

#include "gateway/channel.h"
#include "gateway/endpoint_conversation.h"
#include "gateway/wire.h"
#include "loop/offload.h"

namespace remuda::gateway {

class EndpointWire : public Wire {
 public:
  // All outlive the wire, and the wire the endpoints that it was lent.
  EndpointWire(loop::Loop& loop, loop::Offload& offload, AppLog& log, WireOptions options)
      : options_(std::move(options)),
        channels_(loop),
        channel_ground_{.loop = loop,
                        .scope = channels_,
                        .connect_timeout = options_.connect_timeout,
                        .send_timeout = options_.send_timeout},
        ground_{.loop = loop, .offload = offload, .log = log, .options = options_} {}

  loop::Task<void> run() final { co_await run_channels(channels_); }

 protected:
  const WireOptions& options() const { return options_; }
  ChannelGround& channel_ground() { return channel_ground_; }
  ConversationGround& ground() { return ground_; }

 private:
  const WireOptions options_;
  loop::Scope channels_;
  ChannelGround channel_ground_;
  ConversationGround ground_;
};

}  // namespace remuda::gateway
