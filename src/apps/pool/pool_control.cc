// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pool/pool_control.h"

#include <algorithm>

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::seconds kAnswerTime{1};

base::Result<void> no_peers() { return base::failure(ENOTSUP, "model pool has no peers"); }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

loop::Task<AppStatus> PoolControl::status() {
  co_await manager_.measure_now();
  Group& group = manager_.group();
  const GroupCounters counters = group.counters();
  AppStatus status{.name = group.options().name, .type = group.options().type, .model = "pool"};
  status.requests = counters.requests;
  status.failures = counters.failures;
  status.retries = counters.retries;
  status.starts = counters.starts;
  status.failed_starts = counters.failed_starts;
  status.live = co_await group.board().live(tools_.loop, tools_.loop.now() + kAnswerTime);
  const loop::Time now = tools_.loop.now();
  status.queue = group.queue(now);
  for (const auto& keeper : manager_.keepers()) status.instances.push_back(status_of(*keeper, now));
  status.sizing = manager_.sizing_lines();
  if (const auto trouble = group.trouble()) {
    status.trouble = trouble->text;
    status.journey = lines_of(trouble->details);
  }
  co_return status;
}

InstanceStatus PoolControl::status_of(const InstanceKeeper& keeper, loop::Time now) const {
  const Instance& instance = *keeper.instance();
  const Group::Facts facts = manager_.group().facts(instance, now);
  InstanceStatus status{.endpoint = instance.id,
                        .pid = keeper.pid(),
                        .state = facts.state,
                        .generation = instance.generation,
                        .age = now - keeper.started()};
  status.requests = facts.requests;
  status.busy = facts.busy;
  if (facts.busy == 0 && facts.last_used != loop::Time{}) status.idle = now - facts.last_used;
  status.capacity = facts.capacity;
  status.memory = keeper.memory();
  status.cpu = keeper.cpu();
  status.why = keeper.leaving.empty() ? keeper.retiring : keeper.leaving;
  return status;
}

loop::Task<RestartReport> PoolControl::restart() {
  if (restart_ == nullptr || restart_->has_ended()) {
    restart_ = std::make_shared<RollingRestart>(manager_, tools_.loop);
    tools_.scope.spawn(RollingRestart::run(restart_));
  }
  const auto restart = restart_;
  if (const auto ended = co_await restart->wait_ended(); !ended)
    co_return RestartReport{.lines = {"nobody waited for its end"}};
  co_return restart->report();
}

base::Result<void> PoolControl::end_instance(pid_t pid) {
  for (const auto& keeper : manager_.keepers()) {
    if (keeper->pid() != pid || pid == 0) continue;
    manager_.group().condemn(*keeper->instance(), "it was ended from outside");
    if (keeper->stage == InstanceKeeper::Stage::kStarting) keeper->stop("it was ended from outside");
    manager_.wake();
    return {};
  }
  return base::failure(ENOENT, "find the instance");
}

loop::Task<base::Result<void>> PoolControl::end_request(uint64_t request) {
  return manager_.group().board().end(tools_.loop, request, tools_.loop.now() + kAnswerTime);
}

base::Result<void> PoolControl::add_peer(std::string_view) { return no_peers(); }
base::Result<void> PoolControl::drain_peer(std::string_view) { return no_peers(); }
base::Result<void> PoolControl::restore_peer(std::string_view) { return no_peers(); }
base::Result<void> PoolControl::remove_peer(std::string_view) { return no_peers(); }

}  // namespace remuda::apps::pool
