// SPDX-License-Identifier: Apache-2.0
//
// Manager, third part: what instances use, and what that allows.
//
// Instances that did nothing since they were measured are not measured again; with memory limits they are
// measured every second at work, and every kRequestsBetween requests.
#include <fmt/format.h>

#include <algorithm>

#include "apps/pool/manager.h"

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::seconds kBetween{10};
constexpr std::chrono::seconds kBetweenWithLimits{1};
constexpr std::chrono::milliseconds kApart{50};  // at least, however many requests
constexpr std::chrono::seconds kMeasureTime{1};
constexpr uint64_t kRequestsBetween = 50;

std::string mebibytes(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

}  // namespace

loop::Task<void> Manager::measure_regularly() {
  const loop::Duration between = has_memory_limits() ? kBetweenWithLimits : kBetween;
  while (true) {
    const loop::Time next = keepers_.empty() ? loop::kNever : tools_.loop.now() + between;
    const auto waited = co_await measure_.wait(next);
    if (!waited && waited.error().code != ETIMEDOUT) co_return;
    co_await measure_all();
    wake();
    if (!co_await tools_.loop.sleep_until(tools_.loop.now() + kApart)) co_return;
  }
}

loop::Task<void> Manager::measure_now() {
  if (tools_.loop.now() - measured_at_ < kBetweenWithLimits) co_return;
  co_await measure_all();
}

// All of them together within kMeasureTime: whoever asks for the status waits for it.
loop::Task<void> Manager::measure_all() {
  measured_at_ = tools_.loop.now();
  const loop::Time deadline = measured_at_ + kMeasureTime;
  for (const Keeper& keeper : std::vector(keepers_)) {
    if (tools_.loop.now() >= deadline) co_return;
    co_await measure_one(keeper, deadline);
  }
}

loop::Task<void> Manager::measure_one(Keeper keeper, loop::Time deadline) {
  if (keeper->stage != InstanceKeeper::Stage::kReady || keeper->is_stopped()) co_return;
  const Group::Facts facts = group_.facts(*keeper->instance(), tools_.loop.now());
  const bool known = keeper->memory().proportional > 0;
  if (known && facts.busy == 0 && facts.requests == keeper->requests_measured) co_return;
  const loop::Duration cpu = keeper->cpu();
  co_await keeper->measure(deadline);
  if (known) computes_.add(keeper->cpu() - cpu, facts.worked - keeper->worked_measured);
  keeper->requests_measured = facts.requests;
  keeper->worked_measured = facts.worked;
  set_look_at(*keeper);
  each_ = appetite().each;
  const uint64_t used = keeper->memory().proportional;
  if (options_.memory_hard > 0 && used > options_.memory_hard) {
    keeper->leaving = fmt::format("memory: {} above the hard limit of {}", mebibytes(used),
                                  mebibytes(options_.memory_hard));
    keeper->stop("it used too much memory");
  } else if (options_.memory_soft > 0 && used > options_.memory_soft && keeper->retiring.empty()) {
    keeper->retiring = fmt::format("memory: {} above {}", mebibytes(used), mebibytes(options_.memory_soft));
  }
}

void Manager::set_look_at(InstanceKeeper& keeper) {
  uint64_t at = keeper.requests_most;
  if (has_memory_limits()) at = std::min(at, keeper.requests_measured + kRequestsBetween);
  group_.look_at(*keeper.instance(), at);
}

bool Manager::may_start() {
  update_claim(tools_.loop.now());
  if (household_.budget.allows(claim_)) return true;
  if (const auto from = household_.budget.reclaim_for(claim_)) household_.reclaim(*from);
  return false;
}

void Manager::update_claim(loop::Time now) {
  Claim& claim = household_.budget.claim(claim_);
  const Appetite wants = appetite();
  claim.each = wants.each == 0 ? kAssumedEach : wants.each;
  claim.held = static_cast<uint32_t>(keepers_.size());
  claim.memory = 0;
  claim.idlest = {};
  claim.leaving = claim.ending = 0;
  for (const Keeper& keeper : keepers_) {
    const uint64_t used = keeper->memory().proportional;
    claim.memory += used == 0 ? claim.each : used;
    const Group::Facts facts = group_.facts(*keeper->instance(), now);
    if (facts.state == Instance::State::kDraining || facts.state == Instance::State::kStopping) {
      ++claim.leaving;
      if (facts.busy == 0) ++claim.ending;
    }
    if (facts.state == Instance::State::kReady && facts.busy == 0)
      claim.idlest = std::max({claim.idlest, now - facts.last_used, loop::Duration(1)});
  }
}

Appetite Manager::appetite() const {
  Appetite appetite{.computes = computes_.value()};
  for (const Keeper& keeper : keepers_) {
    if (keeper->memory().proportional == 0) continue;
    appetite.each += keeper->memory().proportional;
    ++appetite.instances;
  }
  appetite.each = appetite.instances > 0 ? appetite.each / appetite.instances : each_;
  return appetite;
}

uint64_t Manager::memory_in_use() const {
  uint64_t total = 0;
  for (const Keeper& keeper : keepers_) total += keeper->memory().proportional;
  return total;
}

Means Manager::means() const {
  const Budget& budget = household_.budget;
  Means means{.memory = budget.memory_for(claim_), .cores = household_.machine.cores};
  const bool configured = household_.options.memory != 0;
  means.memory_from = fmt::format(
      "{} {}{}, {} held by other applications", mebibytes(budget.limits().memory),
      configured ? "configured" : "of " + household_.machine.available_from + " available memory",
      configured ? "" : fmt::format(" after {} in reserve", mebibytes(household_.options.reserve)),
      mebibytes(budget.held_by_others(claim_)));
  return means;
}

SizeRules Manager::size_rules() const {
  return {.min = options_.min, .max = options_.max, .guaranteed = options_.guaranteed};
}

std::vector<std::string> Manager::sizing_lines() const { return to_lines(size_rules(), appetite(), means()); }

uint32_t Manager::starting() const {
  return static_cast<uint32_t>(std::ranges::count_if(keepers_, [](const Keeper& keeper) {
    return keeper->stage == InstanceKeeper::Stage::kStarting && !keeper->inherited && !keeper->is_stopped();
  }));
}

uint32_t Manager::perhaps_busy() const {
  return static_cast<uint32_t>(std::ranges::count_if(keepers_, [](const Keeper& keeper) {
    return keeper->stage == InstanceKeeper::Stage::kStarting && keeper->inherited && !keeper->is_stopped();
  }));
}

bool Manager::has_memory_limits() const { return options_.memory_soft > 0 || options_.memory_hard > 0; }

}  // namespace remuda::apps::pool
