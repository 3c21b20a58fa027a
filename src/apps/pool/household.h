// SPDX-License-Identifier: Apache-2.0
//
// Household: what the managers of all groups share on the home loop: the tools, the budget, the next number.
// Belongs to Home.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "apps/pool/budget.h"
#include "apps/pool/instance_keeper.h"
#include "apps/pool/machine.h"
#include "apps/pool/options.h"

namespace remuda::apps::pool {

struct Household {
  KeeperTools& tools;
  std::string run_directory;
  PoolOptions options;
  Machine machine;
  Budget budget;
  uint64_t next_id = 1;
  // Somebody may start more now: an instance has gone.
  std::function<void()> room_made;
  // This claim's group gives its idlest instance up.
  std::function<void(size_t claim)> reclaim;

  // A path of its own below the run directory, for people and short enough for a socket.
  std::string socket_path(std::string_view app, uint64_t id) const;
};

}  // namespace remuda::apps::pool
