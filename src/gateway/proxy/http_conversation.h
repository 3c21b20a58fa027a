// SPDX-License-Identifier: Apache-2.0
//
// HttpConversation: one request over an HTTP/1.1 connection that is kept for the next one. There is no word
// for stopping but closing it.
//
//     head, body with its length or in chunks -->        <-- interim answers, answer
//     after a 101: bytes, both ways, until either side ends (passage.h)
#pragma once

#include <memory>

#include "gateway/endpoint_conversation.h"
#include "gateway/proxy/connections.h"

namespace remuda::gateway::proxy {

class HttpConversation final : public EndpointConversation, private Stream {
 public:
  // `connections` are the lease's endpoint's, and stay as long as the lease.
  HttpConversation(ConversationGround& ground, std::unique_ptr<apps::Lease> lease, const Question& question,
                   Connections& connections)
      : EndpointConversation(ground, std::move(lease), question), connections_(connections) {}

  bool may_switch() const override { return asked_.upgrade == wire::HttpAsked::Upgrade::kMaySwitch; }
  loop::Task<base::Result<void>> send(std::span<const std::byte> bytes) override;
  loop::Task<void> end_sending() override;

 private:
  // --- EndpointConversation
  Channel* attach(const Question& question) override;
  void append(Input input, std::string_view bytes, std::string& out) override;
  void append_end(Input input, std::string& out) override;
  void abort() override { abandon(); }
  void leave() override { connection_->close(); }
  // A process that answers others beside this one is not ended for one that hangs.
  bool is_process_shared() const override { return process_is_shared_; }

  // --- Stream
  void heard() override { take_first_bytes(); }
  void output(std::string_view bytes) override { take_output(bytes); }
  void switched() override;
  void request_ended() override;
  void connection_ended(const ChannelEnd& end) override;
  bool has_said_all() const override { return is_input_complete(); }

  Connections& connections_;
  std::shared_ptr<Connection> connection_;
  wire::HttpAsked asked_;
  bool in_chunks_ = false;
  bool switched_ = false;
  bool process_is_shared_ = false;
  uint64_t began_at_ = 0;  // of what the connection has appended
};

}  // namespace remuda::gateway::proxy
