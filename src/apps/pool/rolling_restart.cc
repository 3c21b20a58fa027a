// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pool/rolling_restart.h"

#include <fmt/format.h>

#include <algorithm>

namespace remuda::apps::pool {

loop::Task<void> RollingRestart::run(std::shared_ptr<RollingRestart> self) {
  co_await self->replace_all();
  self->has_ended_ = true;
  self->ended_.notify_all();
}

loop::Task<base::Result<void>> RollingRestart::wait_ended() {
  while (!has_ended_) {
    if (const auto waited = co_await ended_.wait(loop::kNever); !waited)
      co_return std::unexpected(waited.error());
  }
  co_return base::Result<void>();
}

// What is being started when the restart begins is of the former generation too: its turn comes when it is
// ready. With no instance at all, one is started to see that it can be.
loop::Task<void> RollingRestart::replace_all() {
  const uint32_t former = manager_.generation();
  generation_ = former + 1;
  for (const Manager::Keeper& keeper : manager_.keepers())  // some may be left of a restart that failed
    generation_ = std::max(generation_, keeper->instance()->generation + 1);
  const auto old = std::ranges::count_if(manager_.keepers(),
                                         [this](const Manager::Keeper& each) { return is_old(*each); });
  report_.lines.push_back(
      fmt::format("{}: {} to replace, generation {} follows {}", manager_.group().options().name,
                  old == 1 ? "1 instance" : fmt::format("{} instances", old), generation_, former));
  manager_.set_generation(generation_);
  report_.succeeded = true;
  while (report_.succeeded) {
    const Manager::Keeper next = next_old();
    if (next == nullptr) break;
    report_.succeeded = next->stage == Stage::kStarting ? co_await wait_for(next) : co_await replace(next);
  }
  const bool nobody = std::ranges::none_of(manager_.keepers(), [](const Manager::Keeper& each) {
    return each->stage != Stage::kFailed && each->leaving.empty();
  });
  if (report_.succeeded && nobody) report_.succeeded = co_await replace(nullptr);
  if (!report_.succeeded && report_.replaced == 0) manager_.set_generation(former);
}

bool RollingRestart::is_old(const InstanceKeeper& keeper) const {
  if (keeper.instance()->generation >= generation_ || !keeper.leaving.empty() || keeper.is_stopped())
    return false;
  return keeper.stage == Stage::kStarting || (keeper.stage == Stage::kReady && !keeper.has_ended());
}

// One to replace, or to wait for: itself, or what replaces it already.
Manager::Keeper RollingRestart::next_old() const {
  Manager::Keeper starting;
  for (const Manager::Keeper& keeper : manager_.keepers()) {
    if (!is_old(*keeper)) continue;
    const Manager::Keeper waits_for = keeper->stage == Stage::kStarting ? keeper : keeper->replaced_by.lock();
    if (waits_for == nullptr || waits_for->stage != Stage::kStarting) return keeper;
    starting = waits_for;
  }
  return starting;
}

loop::Task<bool> RollingRestart::wait_for(const Manager::Keeper& keeper) {
  const auto settled = co_await manager_.wait_settled(keeper);
  if (!settled) report_.lines.emplace_back("the server stops");
  co_return settled.has_value();
}

loop::Task<bool> RollingRestart::replace(const Manager::Keeper& old) {
  const Manager::Keeper keeper = manager_.start_successor(old, generation_);
  const loop::Time began = loop_.now();
  if (!co_await wait_for(keeper)) co_return false;
  if (keeper->stage != Stage::kReady) {
    tell_failure(*keeper);
    co_return false;
  }
  ++report_.replaced;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - began).count();
  report_.lines.push_back(fmt::format("{} ready after {} ms{}", keeper->instance()->name, took,
                                      old == nullptr ? "" : ", takes over from " + old->instance()->name));
  co_return true;
}

void RollingRestart::tell_failure(const InstanceKeeper& keeper) {
  const Journey journey = manager_.group().journey_of(*keeper.instance());
  report_.lines.push_back(keeper.leaving.empty()
                              ? "a new instance did not start: " + to_string(journey.ending)
                              : "a new instance did not start: " + keeper.leaving);
  for (const std::string& line : to_lines(journey)) report_.lines.push_back("  " + line);
  report_.nobody_serves = !is_anybody_ready();
  const bool others = report_.replaced > 0 && !report_.nobody_serves;
  report_.lines.emplace_back(others ? "the other old instances serve on" : who_serves(report_));
}

bool RollingRestart::is_anybody_ready() const {
  return std::ranges::any_of(manager_.keepers(), [](const Manager::Keeper& each) {
    return each->stage == Stage::kReady && !each->is_stopped() && !each->has_ended();
  });
}

}  // namespace remuda::apps::pool
