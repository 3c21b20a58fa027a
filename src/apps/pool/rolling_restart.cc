// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pool/rolling_restart.h"

#include <fmt/format.h>

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

// With no instance at all, one is started to see that it can be.
loop::Task<void> RollingRestart::replace_all() {
  const uint32_t former = manager_.generation();
  std::vector<Manager::Keeper> old;
  for (const Manager::Keeper& keeper : manager_.keepers()) {
    if (keeper->stage == InstanceKeeper::Stage::kReady && keeper->leaving.empty()) old.push_back(keeper);
  }
  report_.lines.push_back(fmt::format(
      "{}: {} to replace, generation {} follows {}", manager_.group().options().name,
      old.size() == 1 ? "1 instance" : fmt::format("{} instances", old.size()), former + 1, former));
  manager_.set_generation(former + 1);
  report_.succeeded = true;
  if (old.empty()) report_.succeeded = co_await replace(nullptr, former + 1);
  for (const Manager::Keeper& each : old) {
    if (!report_.succeeded) break;
    if (each->has_ended() || !each->leaving.empty())
      continue;  // its own replacement is of the new generation
    report_.succeeded = co_await replace(each, former + 1);
  }
  if (!report_.succeeded && report_.replaced == 0) manager_.set_generation(former);
}

loop::Task<bool> RollingRestart::replace(const Manager::Keeper& old, uint32_t generation) {
  const Manager::Keeper keeper = manager_.start_successor(old, generation);
  const loop::Time began = loop_.now();
  if (const auto settled = co_await manager_.wait_settled(keeper); !settled) {
    report_.lines.emplace_back("the server stops");
    co_return false;
  }
  if (keeper->stage != InstanceKeeper::Stage::kReady) {
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
  report_.lines.emplace_back(report_.replaced == 0 ? "the old instances serve on"
                                                   : "the other old instances serve on");
}

}  // namespace remuda::apps::pool
