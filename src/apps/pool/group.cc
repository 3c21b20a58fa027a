// SPDX-License-Identifier: Apache-2.0
//
// A place that comes free goes to whoever waits before its holder is done with the lock: nobody overtakes the
// line.
#include "apps/pool/group.h"

#include <algorithm>
#include <utility>

namespace remuda::apps::pool {

namespace {

bool broke_off(Outcome outcome) { return outcome == Outcome::kFailed || outcome == Outcome::kRefused; }

Capacity configured(const GroupOptions& options) {
  const uint32_t requests = std::max(options.concurrency, 1U);
  return {.requests = requests, .connections = requests, .multiplexes = false};
}

}  // namespace

Group::Group(GroupOptions options)
    : options_(std::move(options)), line_(options_.queue), capacity_(configured(options_)) {}

Group::~Group() = default;

uint32_t Group::sign_on(std::shared_ptr<LoopSeat> seat) {
  const std::scoped_lock lock(mutex_);
  seats_.push_back(std::move(seat));
  return static_cast<uint32_t>(seats_.size() - 1);
}

void Group::sign_off(uint32_t place) {
  const std::scoped_lock lock(mutex_);
  seats_[place] = nullptr;
}

Group::Borrowed Group::borrow(const Wish& wish, loop::Loop& loop, loop::Time deadline) {
  const loop::Time now = loop.now();
  const std::scoped_lock lock(mutex_);
  if (!wish.tried.empty()) ++counters_.retries;
  if (line_.empty()) {
    if (auto instance = ledger_.choose(wish)) {
      line_.passed_by();
      Lent lent = lend(std::move(instance), wish, now);
      if (options_.spare > 0 && growing_ && free_instances() < options_.spare) look_after();
      return lent;
    }
  }
  if (auto trouble = hopeless_now(now)) {
    line_.count(WaitingLine::Refusal::kUnavailable);
    return std::move(*trouble);
  }
  deadline = std::min(deadline, now + options_.queue_time);
  const auto refusal = line_.may_join(loop, now, deadline);
  if (growing_ && now >= watched_until_) look_after();
  const bool may_try = line_.empty() || refusal == WaitingLine::Refusal::kHopeless;
  if (refusal && !(may_try && nobody_lends())) {
    if (*refusal == WaitingLine::Refusal::kFull) ++turned_away_;
    line_.count(*refusal);
    return failure(*refusal, now);
  }
  auto waiter = std::make_shared<PoolWaiter>(loop, now, deadline, wish);
  line_.join(*waiter);
  return waiter;
}

std::expected<Lent, AcquireFailure> Group::claim(PoolWaiter& waiter, const base::Result<void>& woken,
                                                 loop::Loop& loop) {
  const std::scoped_lock lock(mutex_);
  if (const auto refusal = line_.leave(waiter, woken)) return std::unexpected(failure(*refusal, loop.now()));
  if (woken || woken.error().code == ETIMEDOUT) return std::move(waiter.granted);
  Instance& instance = *waiter.granted.instance;
  // The connection that was meant for it has stayed where it is.
  const uint32_t idle = instance.loops[waiter.wish.loop].idle + (waiter.granted.takes_kept ? 1 : 0);
  ledger_.take_back(instance, waiter.wish, idle, loop.now());
  if (instance.state != Instance::State::kReady && instance.busy == 0) look_after();
  serve(loop);
  return std::unexpected(AcquireFailure{.reason = AcquireFailure::Reason::kCancelled});
}

void Group::give_back(const std::shared_ptr<Instance>& instance, const Wish& wish, uint32_t idle,
                      Outcome outcome, loop::Loop& loop) {
  const std::scoped_lock lock(mutex_);
  ledger_.take_back(*instance, wish, idle, loop.now());
  if (outcome == Outcome::kAnswered) {
    ++counters_.requests;
    ++instance->requests;
    instance->failures = 0;
  } else if (outcome == Outcome::kFailed || outcome == Outcome::kTimedOut) {
    ++counters_.failures;
    ++instance->failures;
  }
  if (broke_off(outcome)) instance->doubtful = true;
  // It was lent more often than it can be, as has been learnt since: the next one waits to be accepted.
  if (idle > 0 && !instance->capacity.multiplexes && instance->busy >= instance->capacity.connections)
    close_idle(*instance);
  if (instance->doubtful || instance->requests >= instance->look_at ||
      (instance->state != Instance::State::kReady && instance->busy == 0)) {
    look_after();
  }
  serve(loop);
}

void Group::starves(Instance& instance) {
  const std::scoped_lock lock(mutex_);
  close_idle(instance);
}

void Group::condemn(Instance& instance, std::string_view why) {
  const std::scoped_lock lock(mutex_);
  if (!instance.condemned.empty() || instance.state == Instance::State::kStopping) return;
  instance.condemned = why;
  instance.state = Instance::State::kStopping;
  look_after();
}

Capacity Group::learned(Instance& instance, const Capacity& capacity, loop::Loop& loop) {
  const std::scoped_lock lock(mutex_);
  Capacity taken = capacity;
  if (options_.concurrency != 0) {
    taken = configured(options_);
    taken.multiplexes = capacity.multiplexes;
    if (taken.multiplexes) taken.connections = capacity.connections;
  }
  if (takes_one_) taken = {};
  taken.requests = std::max(taken.requests, 1U);
  taken.connections = std::max(taken.connections, 1U);
  capacity_ = taken;
  if (instance.capacity == taken) return taken;
  instance.capacity = taken;
  serve(loop);
  return taken;
}

void Group::forget_capacity() {
  const std::scoped_lock lock(mutex_);
  capacity_ = configured(options_);
  takes_one_ = false;
  keeps_connections_ = true;
}

// Connections that rest keep it from whoever else has been lent to already.
Capacity Group::cannot_multiplex(Instance& instance) {
  const std::scoped_lock lock(mutex_);
  takes_one_ = true;
  capacity_ = instance.capacity = {};
  close_idle(instance);
  return instance.capacity;
}

void Group::cannot_keep_connections(Instance& instance) {
  const std::scoped_lock lock(mutex_);
  instance.keeps_connections = false;
}

void Group::outlived(const Instance& instance) {
  const std::scoped_lock lock(mutex_);
  learn_of_keeping(instance);
}

Journey Group::journey_of(const Instance& instance) const {
  const std::scoped_lock lock(mutex_);
  return instance.journey;
}

void Group::call_home(loop::Loop* home, std::function<void()> look) {
  const std::scoped_lock lock(mutex_);
  home_ = home;
  look_ = std::move(look);
  called_ = false;
}

Census Group::census(loop::Time now) {
  const std::scoped_lock lock(mutex_);
  called_ = false;
  Census census{.waiting = line_.waiting() + turned_away_, .pressed_for = line_.pressed_for(now)};
  if (std::exchange(turned_away_, 0) > 0) census.pressed_for = std::max(census.pressed_for, kPatience);
  watched_until_ = census.waiting > 0 ? now + kPatience : loop::Time{};
  for (const auto& each : ledger_.instances()) {
    if (each->state == Instance::State::kDraining) ++census.draining;
    if (each->state != Instance::State::kReady) continue;
    ++census.ready;
    if (each->busy > 0) ++census.busy;
    census.room += each->capacity.requests - std::min(each->busy, each->capacity.requests);
  }
  return census;
}

void Group::set_growing(bool possible) {
  const std::scoped_lock lock(mutex_);
  growing_ = possible;
}

void Group::add(const std::shared_ptr<Instance>& instance, loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  instance->state = Instance::State::kReady;
  instance->capacity = capacity_;
  instance->keeps_connections = keeps_connections_;
  instance->last_used = home.now();
  trouble_.reset();
  ledger_.add(instance);
  serve(home, WaitingLine::Place::kNew);
}

void Group::drain(Instance& instance) {
  const std::scoped_lock lock(mutex_);
  if (instance.state == Instance::State::kReady) instance.state = Instance::State::kDraining;
  close_idle(instance);
}

void Group::stopping(Instance& instance) {
  const std::scoped_lock lock(mutex_);
  instance.state = Instance::State::kStopping;
  close_idle(instance);
}

void Group::remove(const Instance& instance) {
  const std::scoped_lock lock(mutex_);
  ledger_.remove(instance);
  for (const auto& seat : seats_) {
    if (seat != nullptr) seat->loop().post([seat, id = instance.id] { seat->forget(id); });
  }
}

void Group::trust_again(Instance& instance, loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  instance.doubtful = false;
  learn_of_keeping(instance);
  serve(home);
}

Group::Facts Group::facts(const Instance& instance, loop::Time now) const {
  const std::scoped_lock lock(mutex_);
  Facts facts{.state = instance.state,
              .capacity = instance.capacity,
              .busy = instance.busy,
              .requests = instance.requests,
              .failures = instance.failures,
              .last_used = instance.last_used,
              .worked = instance.worked,
              .doubtful = instance.doubtful,
              .condemned = instance.condemned};
  if (facts.busy > 0) facts.worked += std::max(now - instance.busy_since, loop::Duration::zero());
  return facts;
}

void Group::look_at(Instance& instance, uint64_t requests) {
  const std::scoped_lock lock(mutex_);
  instance.look_at = requests;
}

void Group::set_journey(Instance& instance, const Journey& journey) {
  const std::scoped_lock lock(mutex_);
  auto lines = std::move(instance.journey.error_lines);
  const uint64_t bytes = instance.journey.error_bytes;
  instance.journey = journey;
  instance.journey.error_lines = std::move(lines);
  instance.journey.error_bytes = bytes;
}

uint64_t Group::add_error_line(Instance& instance, std::string_view line) {
  const std::scoped_lock lock(mutex_);
  instance.journey.add_error_line(line);
  instance.journey.error_bytes += line.size() + 1;
  return instance.busy == 1 ? instance.running : 0;
}

void Group::change(const std::function<void(GroupCounters&)>& change) {
  const std::scoped_lock lock(mutex_);
  change(counters_);
}

void Group::set_starting(uint32_t count) {
  const std::scoped_lock lock(mutex_);
  starting_ = count;
}

void Group::set_trouble(Trouble trouble, loop::Loop& home) {
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(trouble);
  if (ledger_.instances().empty()) line_.dismiss_all(home, WaitingLine::Refusal::kUnavailable);
}

void Group::clear_trouble() {
  const std::scoped_lock lock(mutex_);
  trouble_.reset();
}

GroupCounters Group::counters() const {
  const std::scoped_lock lock(mutex_);
  return counters_;
}

QueueStatus Group::queue(loop::Time now) const {
  const std::scoped_lock lock(mutex_);
  return line_.status(now);
}

std::optional<Trouble> Group::trouble() const {
  const std::scoped_lock lock(mutex_);
  return trouble_;
}

Capacity Group::capacity() const {
  const std::scoped_lock lock(mutex_);
  return capacity_;
}

// Whoever comes when the time for the next attempt has come, and none is under way, waits for that one.
std::optional<AcquireFailure> Group::hopeless_now(loop::Time now) const {
  if (!trouble_ || !ledger_.instances().empty()) return std::nullopt;
  if (now >= trouble_->retry_at && starting_ == 0) return std::nullopt;
  return failure(WaitingLine::Refusal::kUnavailable, now);
}

AcquireFailure Group::failure(WaitingLine::Refusal refusal, loop::Time now) const {
  AcquireFailure failure{.reason = reason_of(refusal), .retry_after = line_.retry_after()};
  if (refusal == WaitingLine::Refusal::kCancelled || !trouble_) return failure;
  failure.trouble = trouble_->text;
  failure.details = trouble_->details;
  if (refusal == WaitingLine::Refusal::kUnavailable) {
    failure.reason = AcquireFailure::Reason::kNotStarting;
    failure.retry_after =
        std::max(std::chrono::ceil<std::chrono::seconds>(trouble_->retry_at - now), std::chrono::seconds(1));
  }
  return failure;
}

Lent Group::lend(std::shared_ptr<Instance> instance, const Wish& wish, loop::Time now) {
  places_.clear();
  const bool takes_kept = ledger_.lend(*instance, wish, now, places_);
  tell_to_close(*instance, places_);
  const Instance& lent = *instance;
  return {std::move(instance), lent.capacity, lent.keeps_connections, takes_kept};
}

uint32_t Group::free_instances() const {
  return static_cast<uint32_t>(std::ranges::count_if(ledger_.instances(), [](const auto& each) {
    return each->state == Instance::State::kReady && each->busy == 0;
  }));
}

bool Group::nobody_lends() const {
  return std::ranges::none_of(ledger_.instances(), [](const auto& each) {
    return each->state == Instance::State::kReady && !each->doubtful;
  });
}

void Group::serve(loop::Loop& from, WaitingLine::Place place) {
  while (auto* const next = static_cast<PoolWaiter*>(line_.next(from.now(), &from))) {
    auto instance = ledger_.choose(next->wish);
    if (instance == nullptr) return;
    next->granted = lend(std::move(instance), next->wish, from.now());
    WaitingLine::wake(line_.grant(*next, from.now(), place), from);
  }
}

void Group::tell_to_close(const Instance& instance, const std::vector<uint32_t>& places) {
  for (const uint32_t place : places) {
    const auto& seat = seats_[place];
    if (seat != nullptr) seat->loop().post([seat, id = instance.id] { seat->close_idle(id); });
  }
}

void Group::close_idle(Instance& instance) {
  places_.clear();
  ledger_.close_idle(instance, places_);
  tell_to_close(instance, places_);
}

void Group::learn_of_keeping(const Instance& instance) {
  if (instance.keeps_connections || !std::exchange(keeps_connections_, false)) return;
  for (const auto& each : ledger_.instances()) {
    each->keeps_connections = false;
    close_idle(*each);
  }
}

void Group::look_after() {
  if (home_ == nullptr || std::exchange(called_, true)) return;
  home_->post(look_);
}

}  // namespace remuda::apps::pool
