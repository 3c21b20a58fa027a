// SPDX-License-Identifier: Apache-2.0
//
// Connections: the HTTP connections of one loop to one Endpoint. Lends the one that became idle last, or a
// new one; one that its peer has closed, or on which something came unasked, is never lent.
//
// Owned by the Endpoint. Its wire outlives it. One loop, one thread.
#pragma once

#include <memory>
#include <vector>

#include "apps/endpoint.h"
#include "gateway/proxy/connection.h"

namespace remuda::gateway::proxy {

class Connections final : public apps::Connections {
 public:
  Connections(ChannelGround& ground, apps::Endpoint& endpoint, size_t head_limit)
      : ground_(ground), endpoint_(endpoint), head_limit_(head_limit) {}
  ~Connections() override;

  size_t idle() const override { return idle_.size(); }
  void close_idle() override;

  // A connection without a request; to be started.
  std::shared_ptr<Connection> lend();

  // --- by Connection

  // Its request has ended. False: it is to be closed.
  bool rests(Connection& connection);
  // `in_silence`: under a request that was not its first, without a word.
  void gone(Connection& connection, bool in_silence);

 private:
  ChannelGround& ground_;
  apps::Endpoint& endpoint_;
  const size_t head_limit_;
  std::vector<std::shared_ptr<Connection>> all_;
  std::vector<Connection*> idle_;  // the last is taken first
};

}  // namespace remuda::gateway::proxy
