// SPDX-License-Identifier: Apache-2.0
//
// Manager, second part: instances from start to end, and what is concluded from it.
//
//     start fails once       another one at once, unless the program cannot be run at all
//     twice and more         back-off, doubling; whoever waits with no instance there is told so. One begun
//                            before the last failure is of the same blow, not of the series
//     lost with the spawner  another one at once: it may never have run
//     ends before it has answered anything, and soon: the same as a start that failed
//     exits with status 0    on purpose
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/pool/instance_endpoint.h"
#include "apps/pool/manager.h"

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::seconds kSoon{5};
constexpr uint32_t kDoublings = 16;
constexpr double kJitter = 0.1;

// Limits differ a little from instance to instance, or all would be replaced at once.
double jitter_of(uint64_t id) {
  return 1 - kJitter * static_cast<double>(id * 0x9e3779b97f4a7c15ULL >> 54) / 1024;
}

std::string journey_text(const Journey& journey) {
  return fmt::format("{}", fmt::join(to_lines(journey), "\n"));
}

}  // namespace

Manager::Keeper Manager::begin(const Keeper& replaces, uint32_t generation, Purpose purpose) {
  auto instance = std::make_shared<Instance>();
  instance->id = household_.next_id++;
  instance->generation = generation;
  instance->socket = household_.socket_path(options_.name, instance->id);
  auto keeper = std::make_shared<InstanceKeeper>(tools_, group_, std::move(instance));
  keeper->restarting = purpose == Purpose::kRestart;
  keeper->replaces = replaces;
  if (replaces != nullptr) replaces->replaced_by = keeper;
  keepers_.push_back(keeper);
  group_.change([](GroupCounters& counters) { ++counters.starts; });
  update_claim(tools_.loop.now());
  tools_.scope.spawn(raise(keeper));
  return keeper;
}

void Manager::adopt(const Label& label, std::shared_ptr<Program> program) {
  auto instance = std::make_shared<Instance>();
  instance->id = label.id;
  instance->generation = label.generation;
  instance->socket = label.socket;
  generation_ = std::max(generation_, label.generation);
  household_.next_id = std::max(household_.next_id, label.id + 1);
  auto keeper = std::make_shared<InstanceKeeper>(tools_, group_, std::move(instance));
  keepers_.push_back(keeper);
  keeper->adopt(std::move(program));
  keeper->inherited = true;
  tools_.scope.spawn(take_over(keeper));
}

loop::Task<void> Manager::raise(Keeper keeper) {
  auto started = co_await keeper->start(tools_.loop.now() + options_.start_timeout);
  if (started && keeper->restarting) started = co_await ask_for_health(*keeper);
  if (tools_.scope.cancelled() != 0) co_return;
  if (started) {
    admit(keeper);
  } else if (!keeper->has_ended()) {
    keeper->stop("it did not start");
  }
  if (!co_await keeper->wait_ended()) co_return;
  if (!started) {
    failed(keeper, started.error());
  } else {
    report_end(*keeper);
  }
  bury(keeper);
}

// Its former worker may have gone with a request that it still works on, or before it accepted.
loop::Task<void> Manager::take_over(Keeper keeper) {
  const auto free = co_await wait_free(*keeper);
  if (tools_.scope.cancelled() != 0) co_return;
  if (free && !keeper->is_stopped() && !keeper->has_ended()) {
    admit(keeper);
  } else {
    keeper->stop(!free && free.error().code == ETIMEDOUT ? "the last request of a former worker took too long"
                                                         : "nobody answered at its socket");
  }
  if (!co_await keeper->wait_ended()) co_return;
  if (keeper->stage == InstanceKeeper::Stage::kStarting) keeper->stage = InstanceKeeper::Stage::kFailed;
  settled_.notify_all();
  report_end(*keeper);
  bury(keeper);
}

// One that takes several requests at a time has room all the same.
loop::Task<base::Result<void>> Manager::wait_free(InstanceKeeper& keeper) {
  if (options_.concurrency > 1) co_return base::Result<void>();
  const loop::Time last =
      std::max(keeper.started() + options_.start_timeout, tools_.loop.now() + options_.drain_time);
  co_return co_await tools_.doors.wait_free(keeper.instance()->socket, last);
}

loop::Task<base::Result<void>> Manager::ask_for_health(InstanceKeeper& keeper) {
  if (prober_ == nullptr || options_.health_path.empty()) co_return base::Result<void>();
  InstanceEndpoint endpoint(group_, tools_.loop, keeper.instance());
  const loop::Time deadline = tools_.loop.now() + options_.health_timeout;
  const auto healthy =
      co_await prober_->probe(endpoint, options_.health_path, options_.health_status, deadline);
  if (!healthy) {
    keeper.leaving = fmt::format("asked for {}: {}", options_.health_path, prober_->trouble());
    keeper.stop("it did not answer its health request");
  }
  co_return healthy;
}

void Manager::admit(const Keeper& keeper) {
  keeper->stage = InstanceKeeper::Stage::kReady;
  retry_at_ = {};
  const double jitter = jitter_of(keeper->instance()->id);
  const uint64_t configured = options_.max_requests == 0 ? UINT64_MAX : options_.max_requests;
  if (const uint64_t most = std::min(configured, lifespan_.replace_after()); most != UINT64_MAX)
    keeper->requests_most = std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(most) * jitter));
  if (options_.max_age > loop::Duration::zero())
    keeper->old_at =
        keeper->started() + std::chrono::duration_cast<loop::Duration>(options_.max_age * jitter);
  set_look_at(*keeper);
  const loop::Duration took = tools_.loop.now() - keeper->journey().asked;
  tools_.log.info("app {}: ready after {} ms{}", keeper->instance()->name,
                  std::chrono::duration_cast<std::chrono::milliseconds>(took).count(),
                  keeper->journey().asked == keeper->journey().started ? ", left by a former worker" : "");
  group_.add(keeper->instance(), tools_.loop);
  if (const Keeper old = keeper->replaces.lock(); old != nullptr)
    drain(*old, old->retiring.empty() ? "it was replaced" : old->retiring);
  settled_.notify_all();
  measure_.notify_all();
  wake();
}

void Manager::failed(const Keeper& keeper, const base::Error& error) {
  keeper->stage = InstanceKeeper::Stage::kFailed;
  group_.change([](GroupCounters& counters) { ++counters.failed_starts; });
  const Ending& ending = keeper->journey().ending;
  std::string trouble = ending.ended() && error.code == ECHILD ? to_string(ending) : base::to_string(error);
  if (!keeper->leaving.empty()) trouble = keeper->leaving;
  tools_.log.error("app {}: an instance did not start: {}\n{}", options_.name, trouble,
                   journey_text(group_.journey_of(*keeper->instance())));
  if (!keeper->restarting) back_off("instances do not start: " + trouble, *keeper);
  settled_.notify_all();
}

void Manager::report_end(const InstanceKeeper& keeper) {
  const Journey journey = group_.journey_of(*keeper.instance());
  const std::string& name = keeper.instance()->name;
  if (!keeper.leaving.empty() || keeper.is_stopped()) {
    tools_.log.info("app {}: ended: {}", name, keeper.leaving);
  } else if (journey.ending.success()) {
    lifespan_.ended_on_purpose(group_.facts(*keeper.instance(), tools_.loop.now()).requests);
    tools_.log.info("app {}: {}", name, to_string(journey.ending));
  } else {
    tools_.log.error("app {}: {}\n{}", name, to_string(journey.ending), journey_text(journey));
  }
  if (ended_too_soon(keeper)) back_off("instances end at once: " + to_string(journey.ending), keeper);
}

// That it accepts is not enough: it has to have been given a request, or to have stayed for a while. One that
// dies of a request did start: otherwise whoever knows a request that kills takes the application away from
// everybody.
bool Manager::has_proved_itself(const InstanceKeeper& keeper) const {
  if (keeper.stage != InstanceKeeper::Stage::kReady) return false;
  const loop::Time now = tools_.loop.now();
  const Group::Facts facts = group_.facts(*keeper.instance(), now);
  return facts.requests > 0 || facts.failures > 0 || facts.busy > 0 || now - keeper.started() >= kSoon;
}

bool Manager::ended_too_soon(const InstanceKeeper& keeper) const {
  return !keeper.is_stopped() && !has_proved_itself(keeper);
}

void Manager::back_off(std::string trouble, const InstanceKeeper& keeper) {
  const Ending& ending = keeper.journey().ending;
  if (ending.kind == Ending::Kind::kLost || keeper.instance()->id < counts_from_) return;
  // One that was there before says nothing about those that are started now.
  if (std::ranges::any_of(keepers_, [this](const Keeper& each) {
        return each->instance()->id >= counts_from_ && has_proved_itself(*each);
      })) {
    failures_ = 0;
  }
  ++failures_;
  counts_from_ = household_.next_id;
  const bool cannot_run = ending.kind == Ending::Kind::kNotStarted;
  if (failures_ < 2 && !cannot_run) return;
  const uint32_t doublings = std::min(failures_ - (cannot_run ? 1 : 2), kDoublings);
  retry_at_ = tools_.loop.now() +
              std::min<loop::Duration>(options_.back_off * (1 << doublings), options_.back_off_most);
  group_.remove(*keeper.instance());
  group_.set_trouble({.retry_at = retry_at_,
                      .text = std::move(trouble),
                      .details = journey_text(group_.journey_of(*keeper.instance()))},
                     tools_.loop);
}

void Manager::bury(const Keeper& keeper) {
  group_.remove(*keeper->instance());
  std::erase(keepers_, keeper);
  update_claim(tools_.loop.now());
  group_.set_starting(starting());
  household_.room_made();
  wake();
}

void Manager::set_generation(uint32_t generation) {
  generation_ = generation;
  lifespan_ = {};
  group_.forget_capacity();
}

Manager::Keeper Manager::start_successor(const Keeper& old, uint32_t generation) {
  return begin(old, generation, Purpose::kRestart);
}

loop::Task<base::Result<void>> Manager::wait_settled(const Keeper& keeper) {
  while (keeper->stage == InstanceKeeper::Stage::kStarting) {
    if (const auto waited = co_await settled_.wait(loop::kNever); !waited)
      co_return std::unexpected(waited.error());
  }
  co_return base::Result<void>();
}

}  // namespace remuda::apps::pool
