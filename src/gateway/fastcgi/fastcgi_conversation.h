// SPDX-License-Identifier: Apache-2.0
//
// FastcgiConversation: one request as FastCGI's records on a connection that may have others on it.
//
//     BEGIN_REQUEST, PARAMS, empty PARAMS, STDIN as it comes, empty STDIN        one send if there is no body
//     (a filter: DATA as it comes, empty DATA)            <- STDOUT, STDERR, END_REQUEST
//
// The first request to an endpoint also asks it, over a connection of its own, whether it multiplexes: while
// the request is being answered, so nobody waits for somebody who does not know the question; or before,
// where requests are going to share connections (connections.h).
#pragma once

#include <memory>
#include <optional>

#include "gateway/endpoint_conversation.h"
#include "gateway/fastcgi/connections.h"

namespace remuda::gateway::fastcgi {

class FastcgiConversation final : public EndpointConversation, private Stream {
 public:
  // `connections` are the lease's endpoint's, and stay as long as the lease.
  FastcgiConversation(ConversationGround& ground, std::unique_ptr<apps::Lease> lease,
                      const Question& question, Connections& connections);

 private:
  // --- EndpointConversation
  Channel* attach(const Question& question) override;
  void append(Input input, std::string_view bytes, std::string& out) override;
  void append_end(Input input, std::string& out) override;
  void abort() override;
  void leave() override;
  bool is_shared() const override;
  loop::Task<void> settle() override;

  // --- Stream
  void output(std::string_view bytes) override { take_output(bytes); }
  void errors(std::string_view bytes) override { take_errors(bytes); }
  void request_ended(uint32_t app_status, wire::FastcgiStatus status) override;
  void connection_ended(const ChannelEnd& end) override;
  bool has_said_all() const override { return is_input_complete(); }
  bool has_body() const override { return has_body_; }

  void ask_if_necessary(Connections::Ask when, loop::Time deadline);
  loop::Task<void> ask(Connections::Ask when, loop::Time deadline);
  void ended_completely(uint32_t app_status);

  Connections& connections_;
  std::shared_ptr<Connection> connection_;
  uint16_t request_ = 0;
  uint64_t began_at_ = 0;  // of what the connection has appended
  bool has_body_ = false;
  std::optional<loop::Scope> asking_;
};

}  // namespace remuda::gateway::fastcgi
