// SPDX-License-Identifier: Apache-2.0
//
// PeerEndpoint: a peer as one loop reaches it. Belongs to the loop's seat in the farm, from the first lease
// of the peer there until it has gone and the last has come back; for a check, to the check.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apps/endpoint.h"
#include "apps/remote/farm.h"

namespace remuda::apps::remote {

class PeerEndpoint final : public Endpoint {
 public:
  // `farm` outlives it.
  PeerEndpoint(Farm& farm, loop::Loop& loop, std::shared_ptr<RemotePeer> peer);

  uint64_t id() const override { return peer_->id; }
  std::string_view name() const override { return peer_->name; }
  // Errors: of socket(2) and connect(2), ETIMEDOUT.
  loop::Task<base::Result<loop::LoopFd>> connect(loop::Time deadline) override;
  const KeepRules& keep_rules() const override { return rules_; }
  Capacity capacity() const override { return capacity_; }
  void learned(const Capacity& capacity) override;
  void cannot_keep_connections() override;

  // With each lease.
  void set_terms(const Lent& lent);
  const std::shared_ptr<RemotePeer>& peer() const { return peer_; }
  // Why it could not be connected to the last time; empty: it could.
  const std::string& trouble() const { return *trouble_; }

  uint32_t leases = 0;  // on this loop, now
  bool gone = false;    // goes with its last lease

 private:
  Farm& farm_;
  loop::Loop& loop_;
  const std::shared_ptr<RemotePeer> peer_;
  KeepRules rules_;
  Capacity capacity_;
  const std::shared_ptr<std::string> trouble_ = std::make_shared<std::string>();  // outlives it in connect()
};

}  // namespace remuda::apps::remote
