// SPDX-License-Identifier: Apache-2.0
//
// InstanceEndpoint: an instance as one loop reaches it: over its private socket. Belongs to the loop's seat
// in the group, from the first lease of the instance there until it has gone and the last has come back.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apps/endpoint.h"
#include "apps/pool/group.h"

namespace remuda::apps::pool {

class InstanceEndpoint final : public Endpoint {
 public:
  // `group` outlives it.
  InstanceEndpoint(Group& group, loop::Loop& loop, std::shared_ptr<Instance> instance);

  uint64_t id() const override { return instance_->id; }
  std::string_view name() const override { return instance_->name; }
  // Errors: of connect(2); ECONNREFUSED or ENOENT: the instance has ended.
  loop::Task<base::Result<loop::LoopFd>> connect(loop::Time deadline) override;
  const KeepRules& keep_rules() const override { return rules_; }
  Capacity capacity() const override { return capacity_; }
  void learned(const Capacity& capacity) override;
  void cannot_keep_connections() override;
  void lost_kept_connection() override { ++lost_in_silence; }
  void cannot_multiplex() override;
  uint32_t generation() const override { return instance_->generation; }

  const std::shared_ptr<Instance>& instance() const { return instance_; }

  // With each lease.
  void set_terms(const Lent& lent);

  uint32_t leases = 0;           // on this loop, now
  bool gone = false;             // goes with its last lease
  uint32_t lost_in_silence = 0;  // requests whose kept connection was closed without a word; counted down
                                 // when they have been told what that means

 private:
  Group& group_;
  loop::Loop& loop_;
  const std::shared_ptr<Instance> instance_;
  KeepRules rules_;
  Capacity capacity_;
};

// What stands in the place of a socket's path for an instance that listens at a port of its own.
std::string port_name(uint16_t port);

// The same for whoever has only the socket: health requests, the question whether it accepts.
loop::Task<base::Result<loop::LoopFd>> connect_to_socket(loop::Loop& loop, std::string_view path,
                                                         loop::Time deadline);

}  // namespace remuda::apps::pool
