// SPDX-License-Identifier: Apache-2.0
//
// Home: where a pool's instances are started, watched, measured, replaced and ended: the worker's first loop.
//
// Other loops only lend; what they notice (somebody waits, an instance broke off) they post here. run() first
// takes over the instances that a former worker left (same pids), then keeps every group as it should be
// until its scope is cancelled; it ends nothing then: instances outlive their worker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/control.h"
#include "apps/pool/pool.h"
#include "base/log.h"
#include "loop/loop.h"

namespace remuda::apps {
class InstanceSpawner;
class SpawnerClient;
}  // namespace remuda::apps

namespace remuda::apps::pool {

class Doors;

struct HomeOptions {
  std::string run_directory;  // for the instances' sockets; it exists and is ours alone
};

class Home {
 public:
  // All outlive Home.
  Home(Pool& pool, SpawnerClient& spawner, base::Log& log, HomeOptions options);
  // For tests: `doors` in place of unix sockets; null: those.
  Home(Pool& pool, loop::Loop& loop, InstanceSpawner& spawner, base::Log& log, HomeOptions options,
       Doors* doors);
  ~Home();
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  // Asks new instances in a rolling restart for the group's health_path. Before run().
  void use_prober(const Group& group, Prober& prober);

  loop::Task<void> run();

  // As long as Home.
  Control& control(const Group& group);

 private:
  struct Parts;
  struct Member;
  Member& member(const Group& group);
  loop::Task<void> take_over();
  loop::Task<void> watch_machine();
  void set_budget();

  std::unique_ptr<Parts> parts_;
};

}  // namespace remuda::apps::pool
