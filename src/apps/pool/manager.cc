// SPDX-License-Identifier: Apache-2.0
//
// What is read of the group first and done about it after: a change that comes in between calls home again,
// because census() has cleared the bell before anything is read.
#include "apps/pool/manager.h"

#include <algorithm>

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::milliseconds kDoubt{50};         // for the end of one that broke off to be heard of
constexpr std::chrono::milliseconds kBudgetAgain{100};  // somebody waits and the budget says no
constexpr uint32_t kFailuresMost = 3;                   // in a row, then it is replaced

}  // namespace

struct Manager::Line {
  Manager* manager;
};

Manager::Manager(Household& household, Group& group)
    : household_(household),
      tools_(household.tools),
      group_(group),
      options_(group.options()),
      claim_(household.budget.add({.guaranteed = std::max({options_.guaranteed, options_.min, 1U}),
                                   .promised = std::max(options_.guaranteed, options_.min)})),
      woken_(tools_.loop),
      settled_(tools_.loop),
      measure_(tools_.loop),
      line_(std::make_shared<Line>(this)) {}

Manager::~Manager() {
  group_.call_home(nullptr, {});
  line_->manager = nullptr;
}

loop::Task<void> Manager::run() {
  group_.call_home(&tools_.loop, [line = line_] {
    if (line->manager != nullptr) line->manager->wake();
  });
  tools_.scope.spawn(measure_regularly());
  while (true) {
    wake_ = false;
    const loop::Time next = look();
    if (wake_) continue;
    const auto waited = co_await woken_.wait(next);
    if (!waited && waited.error().code != ETIMEDOUT) break;
  }
  group_.call_home(nullptr, {});
}

void Manager::wake() {
  wake_ = true;
  woken_.notify_all();
}

loop::Time Manager::look() {
  const loop::Time now = tools_.loop.now();
  const Census census = group_.census(now);
  next_look_ = loop::kNever;
  for (const Keeper& keeper : std::vector(keepers_)) attend(*keeper, now);
  update_claim(now);
  const uint32_t ready = census.ready + perhaps_busy();
  const Population population{.ready = ready,
                              .starting = starting(),
                              .busy = census.busy + perhaps_busy(),
                              .waiting = census.waiting,
                              .pressed_for = census.pressed_for};
  const Bounds bounds{.min = options_.min,
                      .max = size(size_rules(), appetite(), means()).max,
                      .spare = options_.spare,
                      .each = group_.capacity().requests,
                      .at_once = household_.machine.cores,
                      .patience = Group::kPatience};
  if (census.waiting > 0) due(now + Group::kPatience);
  hurry_stopping(bounds);
  let_idle_go(population, bounds, now);
  replace_retiring(bounds, now);
  start_missing(population, bounds, now);
  group_.set_starting(starting());
  group_.set_growing(keepers_.empty() || ready + starting() < bounds.max);
  return next_look_;
}

void Manager::attend(InstanceKeeper& keeper, loop::Time now) {
  if (keeper.stage != InstanceKeeper::Stage::kReady || keeper.is_stopped()) return;
  const Group::Facts facts = group_.facts(*keeper.instance(), now);
  if (!facts.condemned.empty()) {
    keeper.stop(facts.condemned);
  } else if (facts.state == Instance::State::kDraining) {
    attend_draining(keeper, facts, now);
  } else if (facts.state == Instance::State::kReady) {
    attend_doubtful(keeper, facts, now);
    judge(keeper, facts, now);
  }
}

void Manager::attend_draining(InstanceKeeper& keeper, const Group::Facts& facts, loop::Time now) {
  const loop::Time last = keeper.draining_since + options_.drain_time;
  if (facts.busy == 0) {
    keeper.stop("it was drained");
  } else if (now >= last) {
    keeper.stop("its last requests took too long");
  } else {
    due(last);
  }
}

void Manager::attend_doubtful(InstanceKeeper& keeper, const Group::Facts& facts, loop::Time now) {
  if (!facts.doubtful) return;
  if (keeper.doubted_since == loop::Time{}) keeper.doubted_since = now;
  if (now < keeper.doubted_since + kDoubt) return due(keeper.doubted_since + kDoubt);
  keeper.doubted_since = {};
  group_.trust_again(*keeper.instance(), tools_.loop);
}

void Manager::judge(InstanceKeeper& keeper, const Group::Facts& facts, loop::Time now) {
  if (has_memory_limits() && facts.requests >= keeper.instance()->look_at) measure_.notify_all();
  if (!keeper.retiring.empty()) return;
  if (facts.requests >= keeper.requests_most) {
    keeper.retiring = "it has answered " + std::to_string(facts.requests) + " requests";
  } else if (facts.failures >= kFailuresMost) {
    keeper.retiring = std::to_string(facts.failures) + " of its requests in a row failed";
  } else if (now >= keeper.old_at) {
    keeper.retiring = "it is old enough";
  } else {
    due(keeper.old_at);
  }
}

// They are not counted, so that another one may come at once; but what ends slowly uses memory too. So there
// are at most as many of them as there may be of the others: the first have had the most time to end.
void Manager::hurry_stopping(const Bounds& bounds) {
  std::vector<InstanceKeeper*> stopping;
  for (const Keeper& keeper : keepers_) {
    if (keeper->is_stopped() && !keeper->has_ended() && !keeper->is_hurried())
      stopping.push_back(keeper.get());
  }
  const size_t left = bounds.max;
  for (size_t i = 0; i + left < stopping.size(); ++i) stopping[i]->hurry();
}

// Whoever was used last stays: the others have been idle for longest.
void Manager::let_idle_go(const Population& population, const Bounds& bounds, loop::Time now) {
  if (population.ready > bounds.min) due(now + options_.idle_time);
  uint32_t left = surplus(population, bounds);
  std::vector<std::pair<loop::Time, InstanceKeeper*>> idle;
  for (const Keeper& keeper : keepers_) {
    const Group::Facts facts = group_.facts(*keeper->instance(), now);
    if (facts.state == Instance::State::kReady && facts.busy == 0)
      idle.emplace_back(facts.last_used, keeper.get());
  }
  std::ranges::sort(idle);
  for (const auto& [last_used, keeper] : idle) {
    if (left-- == 0) return;
    if (now < last_used + options_.idle_time) return due(last_used + options_.idle_time);
    drain(*keeper, "it was idle");
  }
}

void Manager::replace_retiring(const Bounds& bounds, loop::Time now) {
  for (const Keeper& keeper : std::vector(keepers_)) {
    if (keeper->retiring.empty() || !keeper->leaving.empty() || !keeper->replaced_by.expired()) continue;
    if (now < retry_at_) return due(retry_at_);
    if (starting() >= bounds.at_once) return;
    if (may_start()) {
      begin(keeper, generation_, Purpose::kUsual);
    } else {
      drain(*keeper, keeper->retiring);
    }
  }
}

void Manager::start_missing(const Population& population, const Bounds& bounds, loop::Time now) {
  Population present = population;
  present.starting = starting();
  uint32_t missing = starts_wanted(present, bounds);
  if (missing > 0 && now < retry_at_) return due(retry_at_);
  for (; missing > 0; --missing) {
    if (now < retry_at_) return due(retry_at_);  // the one before has failed at once
    if (!may_start()) return due(now + kBudgetAgain);
    begin(nullptr, generation_, Purpose::kUsual);
  }
}

void Manager::drain(InstanceKeeper& keeper, std::string why) {
  if (!keeper.leaving.empty()) return;
  keeper.leaving = std::move(why);
  keeper.draining_since = tools_.loop.now();
  tools_.log.debug("app {}: drains: {}", keeper.instance()->name, keeper.leaving);
  group_.drain(*keeper.instance());
  wake();
}

void Manager::give_up_idlest() {
  const loop::Time now = tools_.loop.now();
  InstanceKeeper* idlest = nullptr;
  loop::Time since = loop::kNever;
  for (const Keeper& keeper : keepers_) {
    const Group::Facts facts = group_.facts(*keeper->instance(), now);
    if (facts.state != Instance::State::kReady || facts.busy > 0 || facts.last_used >= since) continue;
    since = facts.last_used;
    idlest = keeper.get();
  }
  if (idlest == nullptr) return;
  drain(*idlest, "another application needs its place");
  update_claim(now);
}

}  // namespace remuda::apps::pool
