// SPDX-License-Identifier: Apache-2.0
//
// ScgiConversation: one request over an SCGI connection of its own. The end of the connection is the end of
// the answer; there is no word for stopping but closing it.
#pragma once

#include <memory>

#include "gateway/endpoint_conversation.h"

namespace remuda::gateway::scgi {

class ScgiConversation final : public EndpointConversation {
 public:
  ScgiConversation(ConversationGround& ground, ChannelGround& channels, std::unique_ptr<apps::Lease> lease,
                   const Question& question)
      : EndpointConversation(ground, std::move(lease), question), channels_(channels) {}

 private:
  class Link;

  Channel* attach(const Question& question) override;
  void append(Input, std::string_view bytes, std::string& out) override { out.append(bytes); }
  void append_end(Input, std::string&) override {}
  void abort() override;
  void leave() override;

  ChannelGround& channels_;
  std::shared_ptr<Channel> link_;
};

}  // namespace remuda::gateway::scgi
