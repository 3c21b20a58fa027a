// SPDX-License-Identifier: Apache-2.0
//
// One manager for each group, one budget over them.
#include "apps/pool/home.h"

#include <algorithm>

#include "apps/pool/pool_control.h"
#include "apps/spawner_client.h"
#include "base/check.h"

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::seconds kInheritTime{10};   // for the spawner to say what a former worker left
constexpr std::chrono::seconds kMachineAgain{30};  // its memory changes by others' doing
constexpr uint32_t kInstancesMost = 1000;

}  // namespace

struct Home::Member {
  Member(Household& household, Group& group) : manager(household, group), control(household.tools, manager) {}
  Manager manager;
  PoolControl control;
};

struct Home::Parts {
  Parts(Pool& its_pool, loop::Loop& loop, InstanceSpawner& spawner, base::Log& log, HomeOptions options,
        Doors* others)
      : pool(its_pool),
        scope(loop),
        doors(loop),
        tools{loop, scope, spawner, others == nullptr ? doors : *others, log},
        household{.tools = tools,
                  .run_directory = std::move(options.run_directory),
                  .options = pool.options(),
                  .machine = look_at_machine(),
                  .budget = Budget({})} {}

  Pool& pool;
  loop::Scope scope;
  UnixDoors doors;
  KeeperTools tools;
  Household household;
  std::vector<std::unique_ptr<Member>> members;
};

Home::Home(Pool& pool, SpawnerClient& spawner, base::Log& log, HomeOptions options)
    : Home(pool, spawner.loop(), spawner, log, std::move(options), nullptr) {}

Home::Home(Pool& pool, loop::Loop& loop, InstanceSpawner& spawner, base::Log& log, HomeOptions options,
           Doors* doors)
    : parts_(std::make_unique<Parts>(pool, loop, spawner, log, std::move(options), doors)) {
  Household& household = parts_->household;
  const PoolOptions& told = household.options;
  household.machine.cores =
      told.cores != 0 ? told.cores : std::max(household.machine.cores / told.processes, 1U);
  household.room_made = [this] {
    for (const auto& each : parts_->members) each->manager.wake();
  };
  household.reclaim = [this](size_t claim) {
    for (const auto& each : parts_->members) {
      if (each->manager.claim() == claim) each->manager.give_up_idlest();
    }
  };
  for (const auto& group : pool.groups())
    parts_->members.push_back(std::make_unique<Member>(household, *group));
  set_budget();
}

Home::~Home() = default;

Home::Member& Home::member(const Group& group) {
  const auto found = std::ranges::find_if(parts_->members,
                                          [&](const auto& each) { return &each->manager.group() == &group; });
  CHECK(found != parts_->members.end());
  return **found;
}

void Home::use_prober(const Group& group, Prober& prober) { member(group).manager.use_prober(prober); }

Control& Home::control(const Group& group) { return member(group).control; }

loop::Task<void> Home::run() {
  co_await take_over();
  for (const auto& each : parts_->members) parts_->scope.spawn(each->manager.run());
  co_await watch_machine();
  parts_->scope.cancel();
  co_await parts_->scope.join();
}

// What belongs to no application any more has nobody who would lend it.
loop::Task<void> Home::take_over() {
  KeeperTools& tools = parts_->tools;
  const auto left = co_await tools.spawner.inherited(tools.loop.now() + kInheritTime);
  for (const auto& program : left) {
    const auto label = read_label(program->label);
    Member* heir = nullptr;
    for (const auto& each : parts_->members) {
      if (label && each->manager.group().options().name == label->app) heir = each.get();
    }
    if (heir != nullptr) {
      heir->manager.adopt(*label, program);
    } else {
      tools.spawner.terminate(*program);
    }
  }
}

loop::Task<void> Home::watch_machine() {
  loop::Loop& loop = parts_->tools.loop;
  while (co_await loop.sleep_until(loop.now() + kMachineAgain)) {
    if (parts_->household.options.memory != 0) continue;
    const uint32_t cores = parts_->household.machine.cores;
    parts_->household.machine = look_at_machine();
    parts_->household.machine.cores = cores;
    set_budget();
  }
}

// What instances use already is part of what they may use; the rest, others like this one use as well.
void Home::set_budget() {
  Household& household = parts_->household;
  const PoolOptions& options = household.options;
  BudgetLimits limits{.instances = options.instances == 0 ? kInstancesMost : options.instances,
                      .memory = options.memory};
  if (options.memory == 0) {
    uint64_t memory = household.machine.available / options.processes;
    for (const auto& each : parts_->members) memory += each->manager.memory_in_use();
    limits.memory = memory - std::min(memory, options.reserve / options.processes);
  }
  household.budget.set_limits(limits);
}

}  // namespace remuda::apps::pool
