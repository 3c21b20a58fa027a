// SPDX-License-Identifier: Apache-2.0
//
// PoolSource: model `pool` on one loop. Lends the instances of a group and takes them back.
//
// One for each application and loop. Of an instance it keeps an Endpoint from the first time that it lends it
// until the instance has gone and its last lease has come back. Lending costs one lock of the group's mutex
// and one allocation, the lease. Where an instance is said to take several connections, one that idles may be
// what holds a process that serves them one after the other: while a request waits for its first byte longer
// than kPatience, idle ones at its instance are closed, on any loop.
#pragma once

#include <memory>

#include "apps/source.h"

namespace remuda::apps::pool {

class Group;

class PoolSource final : public Source {
 public:
  // Both outlive the source; the source outlives its leases.
  PoolSource(Group& group, loop::Loop& loop);
  ~PoolSource() override;

  loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> acquire(const StartRequest& request,
                                                                            loop::Time deadline) override;
  std::string_view name() const override;
  // That it takes a connection shows it, some time after: a process that ends closes them all, in any order.
  loop::Task<bool> outlived(uint64_t endpoint) override;

  static constexpr std::chrono::milliseconds kPatience{20};

 private:
  class Seat;
  std::shared_ptr<Seat> seat_;  // shared with messages that are on their way to this loop
};

}  // namespace remuda::apps::pool
