// SPDX-License-Identifier: Apache-2.0
//
// A lease is made before anything is lent, so that a request that waits is seen and can be ended like one
// that is served.
#include "apps/pool/pool_source.h"

#include <optional>
#include <unordered_map>
#include <utility>

#include "apps/pool/group.h"
#include "apps/pool/instance_endpoint.h"
#include "base/list.h"

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::milliseconds kEndTakes{50};  // from its first closed connection to its last
constexpr std::chrono::seconds kKnockTime{1};

// A request that was sent and has no byte of an answer yet.
struct Unanswered : base::Link<Unanswered> {
  Instance* instance = nullptr;
  loop::Time since{};
};

}  // namespace

// One loop's part of a group. The thread of its loop only.
class PoolSource::Seat final : public LoopSeat, public std::enable_shared_from_this<Seat> {
 public:
  Seat(Group& group, loop::Loop& loop) : group_(group), loop_(loop) {
    activity_.emplace(group.board(), loop);
  }

  void sign_on() { place_ = group_.sign_on(shared_from_this()); }
  // Nothing is posted here any more; what is on its way finds nobody.
  void sign_off() {
    group_.sign_off(place_);
    endpoints_.clear();
    activity_.reset();
  }

  loop::Loop& loop() override { return loop_; }

  void close_idle(uint64_t instance) override {
    const auto found = endpoints_.find(instance);
    if (found != endpoints_.end() && found->second->connections) found->second->connections->close_idle();
  }

  void forget(uint64_t instance) override {
    const auto found = endpoints_.find(instance);
    if (found == endpoints_.end()) return;
    found->second->gone = true;
    if (found->second->leases == 0) endpoints_.erase(found);
  }

  InstanceEndpoint& endpoint_for(const Lent& lent) {
    auto& endpoint = endpoints_[lent.instance->id];
    if (endpoint == nullptr) endpoint = std::make_unique<InstanceEndpoint>(group_, loop_, lent.instance);
    endpoint->set_terms(lent);
    ++endpoint->leases;
    return *endpoint;
  }

  void give_back(const std::shared_ptr<Instance>& instance, InstanceEndpoint& endpoint, uint64_t request,
                 Outcome outcome) {
    const size_t idle = endpoint.connections ? endpoint.connections->idle() : 0;
    if (--endpoint.leases == 0 && endpoint.gone) endpoints_.erase(instance->id);
    group_.give_back(instance, {.loop = place_, .request = request}, static_cast<uint32_t>(idle), outcome,
                     loop_);
  }

  // One that lost a request in silence; null: it has gone, or lost none.
  InstanceEndpoint* suspect(uint64_t instance) {
    const auto found = endpoints_.find(instance);
    if (found == endpoints_.end() || found->second->gone || found->second->lost_in_silence == 0)
      return nullptr;
    return found->second.get();
  }

  void wait_for_answer(Unanswered& request) {
    request.since = loop_.now();
    unanswered_.push_back(request);
    if (std::exchange(watching_, true)) return;
    loop_.root().spawn(watch(shared_from_this()));
  }

  Group& group() { return group_; }
  Activity& activity() { return *activity_; }
  uint32_t place() const { return place_; }

 private:
  // Runs while somebody waits for a first byte: a look every kPatience, nothing for each request.
  static loop::Task<void> watch(std::shared_ptr<Seat> seat) {
    while (!seat->unanswered_.empty()) {
      const auto slept = co_await seat->loop_.sleep_until(seat->loop_.now() + kPatience);
      if (!slept) break;
      const loop::Time since = seat->loop_.now() - kPatience;
      seat->unanswered_.for_each([&](Unanswered& each) {
        if (each.since <= since) seat->group_.starves(*each.instance);
      });
    }
    seat->watching_ = false;
  }

  Group& group_;
  loop::Loop& loop_;
  std::optional<Activity> activity_;
  base::List<Unanswered> unanswered_;
  bool watching_ = false;
  uint32_t place_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<InstanceEndpoint>> endpoints_;  // by instance
};

namespace {

template <typename Seat>
class PoolLease final : public Lease {
 public:
  PoolLease(Seat& seat, const StartRequest& request) : seat_(seat), live_(request, seat.loop().now()) {
    seat_.activity().add(live_);
  }
  ~PoolLease() override {
    unanswered_.unlink();
    if (endpoint_ != nullptr) seat_.give_back(instance_, *endpoint_, live_.request(), outcome_);
  }

  void take(const Lent& lent) {
    instance_ = lent.instance;
    unanswered_.instance = instance_.get();
    may_starve_ = lent.capacity.connections > 1 && !lent.capacity.multiplexes;
    endpoint_ = &seat_.endpoint_for(lent);
    live_.work_by(instance_->id);
    live_.at(Phase::kStart);
  }
  LiveRequest& live() { return live_; }

  Endpoint* endpoint() override { return endpoint_; }
  void terminate(std::string_view why) override { seat_.group().condemn(*instance_, why); }
  void finish(Outcome outcome) override { outcome_ = outcome; }
  void at(Phase phase) override {
    live_.at(phase);
    unanswered_.unlink();
    if (phase == Phase::kApplication && may_starve_) seat_.wait_for_answer(unanswered_);
  }
  void watch_kill(loop::Scope* scope) override { live_.watch_kill(scope); }
  // A copy: the instance's own goes on on the home loop.
  Journey& journey() override {
    if (!journey_) journey_ = seat_.group().journey_of(*instance_);
    return *journey_;
  }

 private:
  Seat& seat_;
  LiveRequest live_;
  Unanswered unanswered_;
  bool may_starve_ = false;
  std::shared_ptr<Instance> instance_;
  InstanceEndpoint* endpoint_ = nullptr;
  Outcome outcome_ = Outcome::kGivenUp;
  std::optional<Journey> journey_;
};

}  // namespace

PoolSource::PoolSource(Group& group, loop::Loop& loop) : seat_(std::make_shared<Seat>(group, loop)) {
  seat_->sign_on();
}

PoolSource::~PoolSource() { seat_->sign_off(); }

std::string_view PoolSource::name() const { return seat_->group().options().name; }

loop::Task<bool> PoolSource::outlived(uint64_t endpoint) {
  const auto seat = seat_;
  if (seat->suspect(endpoint) == nullptr) co_return false;
  if (!co_await seat->loop().sleep_until(seat->loop().now() + kEndTakes)) co_return false;
  InstanceEndpoint* const suspect = seat->suspect(endpoint);
  if (suspect == nullptr) co_return false;
  --suspect->lost_in_silence;
  const auto instance = suspect->instance();
  if (!co_await connect_to_socket(seat->loop(), instance->socket, seat->loop().now() + kKnockTime))
    co_return false;
  seat->group().outlived(*instance);
  co_return true;
}

loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> PoolSource::acquire(
    const StartRequest& request, loop::Time deadline) {
  auto lease = std::make_unique<PoolLease<Seat>>(*seat_, request);
  const Wish wish{.loop = seat_->place(),
                  .request = request.request,
                  .key = hash_of_key(request.key),
                  .tried = request.tried};
  Group& group = seat_->group();
  loop::Loop& loop = seat_->loop();
  auto borrowed = group.borrow(wish, loop, deadline);
  if (auto* const failure = std::get_if<AcquireFailure>(&borrowed))
    co_return std::unexpected(std::move(*failure));
  if (const auto* const lent = std::get_if<Lent>(&borrowed)) {
    lease->take(*lent);
    co_return std::move(lease);
  }
  const auto waiter = std::get<std::shared_ptr<PoolWaiter>>(std::move(borrowed));
  lease->live().wait_on(&waiter->turn);
  const auto woken = co_await waiter->turn.wait(waiter->deadline());
  lease->live().wait_on(nullptr);
  auto lent = group.claim(*waiter, woken, loop);
  if (!lent) co_return std::unexpected(std::move(lent.error()));
  lease->take(*lent);
  co_return std::move(lease);
}

}  // namespace remuda::apps::pool
