// SPDX-License-Identifier: Apache-2.0
//
// SharedApps: what the loops of one worker process have in common of each application: places and queue of a
// program for each request, the pool's group, the farm. Made in the supervisor before it forks, empty; what
// they count and hold is locked by themselves.
#pragma once

#include <memory>
#include <vector>

#include "apps/exec.h"
#include "apps/pool/pool.h"
#include "apps/remote/farm.h"
#include "config/config.h"

namespace remuda::cli {

// Exactly one of them, by its model.
struct SharedApp {
  std::unique_ptr<apps::ExecApp> exec;
  apps::pool::Group* group = nullptr;  // the pool's
  std::unique_ptr<apps::remote::Farm> farm;
};

struct SharedApps {
  explicit SharedApps(const config::Config& config);

  apps::pool::Pool pool;
  std::vector<SharedApp> apps;  // in the order of the configuration
};

}  // namespace remuda::cli
