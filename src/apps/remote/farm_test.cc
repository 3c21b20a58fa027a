// SPDX-License-Identifier: Apache-2.0
//
// Lending, waiting, draining and starving, on one loop with a made-up clock and between two real ones. What
// the peers are busy with together are the leases that live: looked at after every step.
#include "apps/remote/farm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>

#include "apps/remote/farm_source.h"
#include "base/check.h"
#include "loop/backend/deterministic.h"
#include "loop/backend/epoll.h"
#include "loop/backend/every_failure.h"

namespace remuda::apps::remote {
namespace {

using namespace std::chrono_literals;
using Acquired = std::expected<std::unique_ptr<Lease>, AcquireFailure>;

base::Peer peer(std::string_view text) { return *base::parse_peer(text); }

FarmOptions options_of(std::initializer_list<std::string_view> peers) {
  FarmOptions options;
  options.name = "blog";
  for (const std::string_view text : peers) options.peers.push_back(peer(text));
  return options;
}

// What a wire would keep at an endpoint.
struct IdleConnections final : Connections {
  IdleConnections(size_t count, int& closings) : count_(count), closings_(closings) {}
  size_t idle() const override { return count_; }
  void close_idle() override {
    count_ = 0;
    ++closings_;
  }
  size_t count_;
  int& closings_;
};

class FarmTest : public testing::Test {
 protected:
  // The answer is in `into` when the story has ended.
  loop::Task<void> ask(FarmSource& source, std::optional<Acquired>& into, std::string_view key = {},
                       uint64_t avoid = 0, loop::Duration most = 10s) {
    StartRequest request{.request = 1, .method = "GET", .target = "/"};
    request.key = key;
    if (avoid != 0) request.tried = {&avoid, 1};
    into.emplace(co_await source.acquire(request, loop_.now() + most));
  }
  // For who does not have to wait.
  std::optional<Acquired> begin(FarmSource& source, std::string_view key = {}, uint64_t avoid = 0) {
    std::optional<Acquired> got;
    loop_.root().spawn(ask(source, got, key, avoid));
    CHECK(got.has_value());
    return got;
  }
  std::unique_ptr<Lease> take(FarmSource& source, std::string_view key = {}, uint64_t avoid = 0) {
    auto got = begin(source, key, avoid);
    if (!got || !*got) return nullptr;
    return std::move(**got);
  }
  void give_back(std::unique_ptr<Lease> lease, Outcome outcome = Outcome::kAnswered) {
    lease->finish(outcome);
  }
  // Runs what is ready and what is posted, and lets time pass.
  void pass(loop::Duration time = 0s) {
    backend_.advance(time);
    for (int i = 0; i < 4; ++i) loop_.turn(loop_.now());
  }
  static uint32_t busy_of_peers(Farm& farm) {
    uint32_t busy = 0;
    for (const PeerStatus& each : farm.status({}).peers) busy += each.busy;
    return busy;
  }

  FarmTest() { backend_.set_clock(loop::ClockMode::kByTest); }
  ~FarmTest() override {
    loop_.root().cancel();
    pass();
  }
  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
};

TEST_F(FarmTest, LendsTheLeastBusyPeer) {
  Farm farm(options_of({"10.0.0.1:9000", "unix:/run/php.sock"}));
  FarmSource source(farm, loop_);
  auto one = take(source);
  auto two = take(source);
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->endpoint()->id(), two->endpoint()->id());
  EXPECT_EQ(one->endpoint()->name(), "10.0.0.1:9000");
  EXPECT_EQ(two->endpoint()->name(), "unix:/run/php.sock");
  EXPECT_EQ(one->journey().app, "blog");
  EXPECT_EQ(farm.busy(), 2U);
  give_back(std::move(one));
  EXPECT_EQ(farm.busy(), 1U);
  EXPECT_EQ(take(source)->endpoint()->name(), "10.0.0.1:9000");
  give_back(std::move(two));
  const AppStatus status = farm.status(loop_.now());
  EXPECT_EQ(status.requests, 2U);
  EXPECT_EQ(busy_of_peers(farm), 0U);
}

TEST_F(FarmTest, AvoidsWhoFailedThisRequest) {
  Farm farm(options_of({"10.0.0.1:9000", "10.0.0.2:9000"}));
  FarmSource source(farm, loop_);
  const uint64_t first = take(source)->endpoint()->id();
  for (int i = 0; i < 3; ++i) EXPECT_NE(take(source, {}, first)->endpoint()->id(), first);
  EXPECT_EQ(farm.status(loop_.now()).retries, 3U);
}

TEST_F(FarmTest, AnotherIsUpAndHasRoomAndWasNotTried) {
  Farm farm(options_of({"10.0.0.1:9000", "10.0.0.2:9000 concurrency=1"}));
  FarmSource source(farm, loop_);
  const auto one = take(source);
  const auto two = take(source);
  const uint64_t first = one->endpoint()->id();
  const uint64_t second = two->endpoint()->id();
  EXPECT_TRUE(source.has_another(std::array{second}));
  EXPECT_FALSE(source.has_another(std::array{first})) << "the other one is full";
  EXPECT_FALSE(source.has_another(std::array{first, second}));
  ASSERT_TRUE(farm.drain(one->endpoint()->name()));
  EXPECT_FALSE(source.has_another(std::array{second}));
}

TEST_F(FarmTest, TheSameKeyGoesToTheSamePeer) {
  FarmOptions options = options_of({"10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"});
  options.policy = Policy::kHash;
  Farm farm(options);
  FarmSource source(farm, loop_);
  const uint64_t its = take(source, "alice")->endpoint()->id();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(take(source, "alice")->endpoint()->id(), its);
}

TEST_F(FarmTest, WhoFindsNoRoomWaitsForWhoGivesBack) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=1"}));
  FarmSource source(farm, loop_);
  auto one = take(source);
  std::optional<Acquired> second;
  std::optional<Acquired> third;
  loop_.root().spawn(ask(source, second));
  loop_.root().spawn(ask(source, third));
  EXPECT_EQ(farm.status(loop_.now()).queue.waiting, 2U);
  give_back(std::move(one));
  pass();
  ASSERT_TRUE(second && *second);
  EXPECT_FALSE(third);
  EXPECT_EQ(farm.busy(), 1U);
  pass(11s);
  ASSERT_TRUE(third && !*third);
  EXPECT_EQ(third->error().reason, AcquireFailure::Reason::kQueueTimeout);
}

TEST_F(FarmTest, TheWholeFarmHasABoundAndTheLineHasOne) {
  FarmOptions options = options_of({"10.0.0.1:9000", "10.0.0.2:9000"});
  options.concurrency = 2;
  options.queue = 0;
  Farm farm(options);
  FarmSource source(farm, loop_);
  auto one = take(source);
  auto two = take(source);
  auto third = begin(source);
  ASSERT_TRUE(third && !*third);
  EXPECT_EQ(third->error().reason, AcquireFailure::Reason::kQueueFull);
  EXPECT_EQ(farm.status(loop_.now()).queue.dropped.full, 1U);
}

TEST_F(FarmTest, WhenNobodyIsUpItIsSaidAtOnce) {
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmSource source(farm, loop_);
  for (int i = 0; i < 3; ++i) give_back(take(source), Outcome::kRefused);
  auto refused = begin(source);
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().reason, AcquireFailure::Reason::kAllDown);
  EXPECT_EQ(refused->error().retry_after, 1s);
  EXPECT_EQ(refused->error().trouble, "no peer is up; 10.0.0.1:9000: down: it took no request");
  pass(1100ms);  // one request tries it
  auto trial = take(source);
  ASSERT_TRUE(trial);
  EXPECT_FALSE(*begin(source));
  give_back(std::move(trial));
  EXPECT_TRUE(take(source));
}

TEST_F(FarmTest, WhoWaitsForTheLastPeerIsDismissedWhenItGoesDown) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=3"}));
  FarmSource source(farm, loop_);
  std::vector<std::unique_ptr<Lease>> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(take(source));
  std::optional<Acquired> waiting;
  loop_.root().spawn(ask(source, waiting));
  // The third failure takes it down; the places that the first two gave back went to the one who waited.
  std::optional<Acquired> second_waiting;
  give_back(std::move(leases[0]), Outcome::kRefused);
  pass();
  ASSERT_TRUE(waiting && *waiting);
  loop_.root().spawn(ask(source, second_waiting));
  give_back(std::move(**waiting), Outcome::kRefused);
  pass();
  ASSERT_TRUE(second_waiting && *second_waiting);
  std::optional<Acquired> third_waiting;
  loop_.root().spawn(ask(source, third_waiting));
  give_back(std::move(leases[1]), Outcome::kRefused);
  pass();
  ASSERT_TRUE(third_waiting && !*third_waiting);
  EXPECT_EQ(third_waiting->error().reason, AcquireFailure::Reason::kAllDown);
}

TEST_F(FarmTest, ADrainedPeerEndsWhatItHasAndGetsNothingNew) {
  Farm farm(options_of({"10.0.0.1:9000", "10.0.0.2:9000"}));
  FarmSource source(farm, loop_);
  auto one = take(source);
  const std::string name(one->endpoint()->name());
  ASSERT_TRUE(farm.drain(name));
  for (int i = 0; i < 4; ++i) EXPECT_NE(take(source)->endpoint()->name(), name);
  give_back(std::move(one));
  ASSERT_TRUE(farm.restore(name, loop_));
  pass(10s);
  auto first = take(source);
  auto second = take(source);
  EXPECT_NE(first->endpoint()->name(), second->endpoint()->name());
  EXPECT_EQ(farm.drain("10.0.0.9:1").error().code, ENOENT);
}

TEST_F(FarmTest, ARemovedPeerIsForgottenWithItsLastRequest) {
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmSource source(farm, loop_);
  auto lease = take(source);
  int closings = 0;
  lease->endpoint()->connections = std::make_unique<IdleConnections>(0, closings);
  ASSERT_TRUE(farm.remove("10.0.0.1:9000"));
  EXPECT_EQ(farm.remove("10.0.0.1:9000").error().code, ENOENT);
  EXPECT_FALSE(*begin(source));
  EXPECT_EQ(busy_of_peers(farm), 1U);
  give_back(std::move(lease));
  pass();
  EXPECT_TRUE(farm.status(loop_.now()).peers.empty());
  ASSERT_TRUE(farm.add(peer("10.0.0.1:9000"), loop_));
  EXPECT_EQ(farm.add(peer("10.0.0.1:9000"), loop_).error().code, EEXIST);
  EXPECT_TRUE(take(source));
}

TEST_F(FarmTest, WhatIsGrantedToOneWhoLeavesGoesToTheNext) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=1"}));
  FarmSource source(farm, loop_);
  loop::DeterministicBackend other_backend;
  loop::Loop other_loop(other_backend);
  FarmSource other_source(farm, other_loop);
  auto one = take(other_source);
  std::optional<Acquired> first;
  std::optional<Acquired> second;
  loop::Scope leaving(loop_);
  leaving.spawn(ask(source, first));
  loop_.root().spawn(ask(source, second));
  give_back(std::move(one));  // granted to the first, by a message that is on its way
  leaving.cancel();
  pass();
  ASSERT_TRUE(first && !*first);
  EXPECT_EQ(first->error().reason, AcquireFailure::Reason::kCancelled);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ(farm.busy(), 1U);
}

TEST_F(FarmTest, IdleConnectionsAreClosedWhenARequestStarves) {
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmSource source(farm, loop_);
  int closings = 0;
  auto kept = take(source);
  kept->endpoint()->connections = std::make_unique<IdleConnections>(2, closings);
  give_back(std::move(kept));
  auto starving = take(source);  // over one of the two
  starving->at(Phase::kSend);
  pass(1s);
  EXPECT_EQ(closings, 0);
  starving->at(Phase::kApplication);
  pass(10ms);
  EXPECT_EQ(closings, 0);
  pass(11ms);
  EXPECT_EQ(closings, 1);
  pass(50ms);  // nothing is idle there any more
  EXPECT_EQ(closings, 1);
}

// The next request comes over them: that is what they are kept for.
TEST_F(FarmTest, AConnectionThatRequestsShareIsNotClosedForOneThatTakesLong) {
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmSource source(farm, loop_);
  int closings = 0;
  auto kept = take(source);
  kept->endpoint()->connections = std::make_unique<IdleConnections>(1, closings);
  kept->endpoint()->learned({.requests = 50, .connections = 1, .multiplexes = true});
  give_back(std::move(kept));
  auto takes_long = take(source);
  takes_long->at(Phase::kApplication);
  pass(100ms);
  EXPECT_EQ(closings, 0);
  farm.starves(*farm.to_check().front());
  pass();
  EXPECT_EQ(closings, 0);
  give_back(std::move(takes_long));
  farm.starves(*farm.to_check().front());  // a check, while nobody needs it
  pass();
  EXPECT_EQ(closings, 1);
}

// Two processes, both held by what another loop keeps: its connections go at once.
TEST_F(FarmTest, WhatOtherLoopsKeepMakesRoomAtAPeerOfKnownSize) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=2"}));
  FarmSource source(farm, loop_);
  loop::DeterministicBackend other_backend;
  loop::Loop other_loop(other_backend);
  FarmSource other_source(farm, other_loop);
  int closings = 0;
  auto kept = take(source);
  kept->endpoint()->connections = std::make_unique<IdleConnections>(2, closings);
  give_back(std::move(kept));
  auto own = take(source);  // over one of its own
  pass();
  EXPECT_EQ(closings, 0);
  auto others = take(other_source);
  pass();
  EXPECT_EQ(closings, 1);
}

TEST_F(FarmTest, NothingIsClosedForARequestThatIsAnswered) {
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmSource source(farm, loop_);
  int closings = 0;
  auto kept = take(source);
  kept->endpoint()->connections = std::make_unique<IdleConnections>(1, closings);
  give_back(std::move(kept));
  auto lease = take(source);
  lease->at(Phase::kApplication);
  pass(15ms);
  lease->at(Phase::kReply);
  pass(100ms);
  EXPECT_EQ(closings, 0);
}

TEST_F(FarmTest, APeerThatCannotKeepConnectionsIsBelieved) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=4"}));
  FarmSource source(farm, loop_);
  auto lease = take(source);
  EXPECT_EQ(lease->endpoint()->keep_rules().idle, 4U);
  EXPECT_EQ(lease->endpoint()->capacity(), (Capacity{4, 4, false}));
  lease->endpoint()->learned({.requests = 50, .connections = 1, .multiplexes = true});
  EXPECT_EQ(lease->endpoint()->capacity(), (Capacity{4, 4, true}));
  lease->endpoint()->cannot_keep_connections();
  EXPECT_EQ(lease->endpoint()->keep_rules().idle, 0U);
  give_back(std::move(lease));
  EXPECT_EQ(take(source)->endpoint()->keep_rules().idle, 0U);
}

// It was being removed, and its last request has not ended.
TEST_F(FarmTest, WhoComesAgainHasItsNewLimits) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=1"}));
  FarmSource source(farm, loop_);
  auto lease = take(source);
  lease->endpoint()->learned({.requests = 1, .connections = 1, .multiplexes = true});
  ASSERT_TRUE(farm.remove("10.0.0.1:9000"));
  ASSERT_TRUE(farm.add(peer("10.0.0.1:9000 concurrency=3"), loop_));
  auto second = take(source);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->endpoint()->id(), lease->endpoint()->id());
  EXPECT_EQ(second->endpoint()->capacity(), (Capacity{3, 3, true}));
}

TEST_F(FarmTest, WhoIsCalledBackIsToldOf) {
  Farm farm(options_of({"10.0.0.1:9000", "10.0.0.2:9000"}));
  FarmSource source(farm, loop_);
  const std::string first(take(source)->endpoint()->name());
  for (int i = 0; i < 9; ++i) give_back(take(source), Outcome::kFailed);
  int looks = 0;
  farm.call_home(&loop_, [&] { ++looks; });
  for (const PeerStatus& each : farm.status(loop_.now()).peers) {
    if (each.state != PeerStatus::State::kDown) ASSERT_TRUE(farm.drain(each.address));
  }
  EXPECT_TRUE(take(source));
  pass();
  EXPECT_EQ(looks, 1);
  farm.call_home(nullptr, {});
}

// Whatever comes and goes: the books are right.
TEST_F(FarmTest, TheBusyOfAllPeersAreTheLeasesThatLive) {
  FarmOptions options =
      options_of({"10.0.0.1:9000 concurrency=3", "10.0.0.2:9000 weight=2", "10.0.0.3:9000"});
  options.concurrency = 8;
  options.queue = 0;
  Farm farm(options);
  FarmSource source(farm, loop_);
  std::mt19937 random(20);
  std::vector<std::unique_ptr<Lease>> leases;
  const auto any = [&](size_t below) { return random() % below; };
  for (int step = 0; step < 4000; ++step) {
    switch (any(8)) {
      case 0: farm.drain("10.0.0.2:9000"); break;
      case 1: farm.restore("10.0.0.2:9000", loop_); break;
      case 2: farm.remove("10.0.0.3:9000"); break;
      case 3: farm.add(peer("10.0.0.3:9000"), loop_); break;
      case 4:
      case 5:
        if (auto lease = take(source)) leases.push_back(std::move(lease));
        break;
      default:
        if (leases.empty()) break;
        std::swap(leases[any(leases.size())], leases.back());
        give_back(std::move(leases.back()), static_cast<Outcome>(any(6)));
        leases.pop_back();
    }
    ASSERT_EQ(farm.busy(), leases.size());
    ASSERT_EQ(busy_of_peers(farm), leases.size());
    pass(10ms);
  }
  leases.clear();
  EXPECT_EQ(busy_of_peers(farm), 0U);
}

TEST(FarmUnderFailure, LeavesNothingBehind) {
  EXPECT_THAT(loop::run_under_every_failure([](loop::DeterministicBackend&, loop::Loop& loop) {
                Farm farm(options_of({"10.0.0.1:9000 concurrency=1"}));
                FarmSource source(farm, loop);
                const auto one = [&]() -> loop::Task<void> {
                  const StartRequest request{.request = 1};
                  auto lease = co_await source.acquire(request, loop.now() + 1s);
                  if (!lease) co_return;
                  (*lease)->at(Phase::kApplication);
                  (void)co_await loop.sleep_until(loop.now() + 50ms);
                  (*lease)->finish(Outcome::kAnswered);
                };
                for (int i = 0; i < 3; ++i) loop.root().spawn(one());
                loop.run();
                EXPECT_EQ(farm.busy(), 0U);
                EXPECT_EQ(farm.status(loop.now()).queue.waiting, 0U);
              }),
              testing::IsEmpty());
}

// Two loops ask, hold and give back; nobody is lost and nobody is served twice.
TEST(FarmBetweenLoops, KeepsItsBooks) {
  FarmOptions options = options_of({"10.0.0.1:9000 concurrency=2", "10.0.0.2:9000 concurrency=1"});
  options.queue = 1000;
  Farm farm(options);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> served = 0;
  constexpr int kEach = 8;
  constexpr int kTimes = 200;
  const auto run = [&] {
    const auto backend = std::move(*loop::EpollBackend::create());
    loop::Loop loop(*backend);
    FarmSource source(farm, loop);
    const auto client = [&]() -> loop::Task<void> {
      for (int i = 0; i < kTimes; ++i) {
        const StartRequest request{.request = 1};
        auto lease = co_await source.acquire(request, loop.now() + 60s);
        EXPECT_TRUE(lease);
        if (!lease) co_return;
        const int now_inside = ++inside;
        if (now_inside > most) most = now_inside;
        (*lease)->at(Phase::kApplication);
        co_await loop.yield();
        --inside;
        ++served;
        (*lease)->finish(Outcome::kAnswered);
      }
    };
    for (int i = 0; i < kEach; ++i) loop.root().spawn(client());
    loop.run();
  };
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(served, 2 * kEach * kTimes);
  EXPECT_LE(most, 3);
  EXPECT_EQ(farm.busy(), 0U);
  EXPECT_EQ(farm.status({}).requests, static_cast<uint64_t>(served));
}

}  // namespace
}  // namespace remuda::apps::remote
