// SPDX-License-Identifier: Apache-2.0
//
// A lease is made before anything is lent, so that a request that waits is seen and can be ended like one
// that is served.
#include "apps/remote/farm_source.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "apps/remote/farm.h"
#include "apps/remote/peer_endpoint.h"

namespace remuda::apps::remote {

namespace {

// A request that was sent and has no byte of an answer yet.
struct Unanswered : base::Link<Unanswered> {
  RemotePeer* peer = nullptr;
  loop::Time since{};
};

}  // namespace

// One loop's part of a farm. The thread of its loop only.
class FarmSource::Seat final : public FarmSeat, public std::enable_shared_from_this<Seat> {
 public:
  Seat(Farm& farm, loop::Loop& loop) : farm_(farm), loop_(loop) { activity_.emplace(farm.board(), loop); }

  void sign_on() { place_ = farm_.sign_on(shared_from_this()); }
  // Nothing is posted here any more; what is on its way finds nobody.
  void sign_off() {
    farm_.sign_off(place_);
    endpoints_.clear();
    activity_.reset();
  }

  loop::Loop& loop() override { return loop_; }

  void close_idle(uint64_t peer) override {
    const auto found = endpoints_.find(peer);
    if (found != endpoints_.end() && found->second->connections) found->second->connections->close_idle();
  }

  void forget(uint64_t peer) override {
    const auto found = endpoints_.find(peer);
    if (found == endpoints_.end()) return;
    found->second->gone = true;
    if (found->second->leases == 0) endpoints_.erase(found);
  }

  PeerEndpoint& endpoint_for(const Lent& lent) {
    auto& endpoint = endpoints_[lent.peer->id];
    if (endpoint == nullptr) endpoint = std::make_unique<PeerEndpoint>(farm_, loop_, lent.peer);
    endpoint->set_terms(lent);
    ++endpoint->leases;
    return *endpoint;
  }

  void give_back(const std::shared_ptr<RemotePeer>& peer, uint64_t turn, PeerEndpoint& endpoint,
                 Outcome outcome) {
    const size_t idle = endpoint.connections ? endpoint.connections->idle() : 0;
    const std::string trouble = trouble_of(outcome, endpoint);
    if (--endpoint.leases == 0 && endpoint.gone) endpoints_.erase(peer->id);
    farm_.give_back(*peer,
                    {.place = place_,
                     .turn = turn,
                     .idle = static_cast<uint32_t>(idle),
                     .outcome = outcome,
                     .trouble = trouble},
                    loop_);
  }

  void wait_for_answer(Unanswered& request) {
    request.since = loop_.now();
    unanswered_.push_back(request);
    if (std::exchange(watching_, true)) return;
    loop_.root().spawn(watch(shared_from_this()));
  }

  Farm& farm() { return farm_; }
  Activity& activity() { return *activity_; }
  uint32_t place() const { return place_; }

 private:
  static std::string trouble_of(Outcome outcome, const PeerEndpoint& endpoint) {
    switch (outcome) {
      case Outcome::kRefused: return endpoint.trouble().empty() ? "it took no request" : endpoint.trouble();
      case Outcome::kFailed: return "it broke off, or answered what is no answer";
      case Outcome::kTimedOut: return "it did not answer in time";
      case Outcome::kAnswered:
      case Outcome::kGivenUp:
      case Outcome::kDeclined: break;
    }
    return {};
  }

  // Runs while somebody waits for a first byte: a look every kPatience, nothing for each request.
  static loop::Task<void> watch(std::shared_ptr<Seat> seat) {
    while (!seat->unanswered_.empty()) {
      const auto slept = co_await seat->loop_.sleep_until(seat->loop_.now() + kPatience);
      if (!slept) break;
      seat->look_for_starving();
    }
    seat->watching_ = false;
  }

  void look_for_starving() {
    std::vector<RemotePeer*> starving;
    const loop::Time now = loop_.now();
    unanswered_.for_each([&](Unanswered& each) {
      if (now - each.since < kPatience || std::ranges::find(starving, each.peer) != starving.end()) return;
      starving.push_back(each.peer);
    });
    for (RemotePeer* const peer : starving) farm_.starves(*peer);
  }

  Farm& farm_;
  loop::Loop& loop_;
  std::optional<Activity> activity_;
  uint32_t place_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<PeerEndpoint>> endpoints_;  // by peer
  base::List<Unanswered> unanswered_;
  bool watching_ = false;
};

namespace {

template <typename Seat>
class FarmLease final : public Lease {
 public:
  FarmLease(Seat& seat, const StartRequest& request) : seat_(seat), live_(request, seat.loop().now()) {
    seat_.activity().add(live_);
  }
  ~FarmLease() override {
    unanswered_.unlink();
    if (endpoint_ != nullptr) seat_.give_back(peer_, turn_, *endpoint_, outcome_);
  }

  void take(Lent lent) {
    endpoint_ = &seat_.endpoint_for(lent);
    peer_ = std::move(lent.peer);
    turn_ = lent.turn;
    unanswered_.peer = peer_.get();
    live_.work_by(peer_->id);
    live_.at(Phase::kStart);
  }
  LiveRequest& live() { return live_; }

  Endpoint* endpoint() override { return endpoint_; }
  // Its process is somebody else's.
  void terminate(std::string_view) override {}
  void finish(Outcome outcome) override { outcome_ = outcome; }
  void at(Phase phase) override {
    live_.at(phase);
    unanswered_.unlink();
    if (phase == Phase::kApplication) seat_.wait_for_answer(unanswered_);
  }
  void watch_kill(loop::Scope* scope) override { live_.watch_kill(scope); }
  Journey& journey() override {
    if (!journey_) {
      journey_.emplace();
      journey_->app = seat_.farm().options().name;
      journey_->program = peer_->name;
    }
    return *journey_;
  }

 private:
  Seat& seat_;
  LiveRequest live_;
  Unanswered unanswered_;
  std::shared_ptr<RemotePeer> peer_;
  uint64_t turn_ = 0;
  PeerEndpoint* endpoint_ = nullptr;
  Outcome outcome_ = Outcome::kGivenUp;
  std::optional<Journey> journey_;
};

}  // namespace

FarmSource::FarmSource(Farm& farm, loop::Loop& loop) : seat_(std::make_shared<Seat>(farm, loop)) {
  seat_->sign_on();
}

FarmSource::~FarmSource() { seat_->sign_off(); }

std::string_view FarmSource::name() const { return seat_->farm().options().name; }

bool FarmSource::has_another(std::span<const uint64_t> tried) {
  return seat_->farm().has_another(tried, seat_->loop().now());
}

loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> FarmSource::acquire(
    const StartRequest& request, loop::Time deadline) {
  auto lease = std::make_unique<FarmLease<Seat>>(*seat_, request);
  const Asker asker{.place = seat_->place(), .wish = {.key = hash_of(request.key), .tried = request.tried}};
  Farm& farm = seat_->farm();
  loop::Loop& loop = seat_->loop();
  auto borrowed = farm.borrow(asker, loop, deadline);
  if (auto* const failure = std::get_if<AcquireFailure>(&borrowed))
    co_return std::unexpected(std::move(*failure));
  if (auto* const lent = std::get_if<Lent>(&borrowed)) {
    lease->take(std::move(*lent));
    co_return std::move(lease);
  }
  const auto waiter = std::get<std::shared_ptr<FarmWaiter>>(std::move(borrowed));
  lease->live().wait_on(&waiter->turn);
  const auto woken = co_await waiter->turn.wait(waiter->deadline());
  lease->live().wait_on(nullptr);
  auto lent = farm.claim(*waiter, woken, loop);
  if (!lent) co_return std::unexpected(std::move(lent.error()));
  lease->take(std::move(*lent));
  co_return std::move(lease);
}

}  // namespace remuda::apps::remote
