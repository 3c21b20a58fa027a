// SPDX-License-Identifier: Apache-2.0
//
// A pool at work: who is lent, how many there are, who waits.
#include "apps/pool/pool_fixture.h"

namespace remuda::apps::pool {
namespace {

TEST_F(PoolTest, TheFirstRequestStartsAnInstanceAndTheNextFindsItWarm) {
  open();
  run_for(1s);
  EXPECT_EQ(spawner_.programs.size(), 0U);
  const Request& first = ask_and_wait();
  ASSERT_FALSE(first.failure);
  EXPECT_EQ(first.by_name, "blog[1001]");
  const Request& second = ask_and_wait();
  EXPECT_EQ(second.by, first.by);
  EXPECT_EQ(second.served_at, second.asked_at);  // it did not wait
  EXPECT_EQ(spawner_.programs.size(), 1U);
  EXPECT_EQ(status().requests, 2U);
}

TEST_F(PoolTest, MinIsThereBeforeAnybodyAsks) {
  options_.min = 3;
  open();
  run_for(1s);
  EXPECT_EQ(spawner_.running(), 3U);
  run_for(1h);
  EXPECT_EQ(spawner_.running(), 3U);
}

TEST_F(PoolTest, SparesAreKeptBesideThoseAtWork) {
  options_.spare = 2;
  open();
  run_for(1s);
  EXPECT_EQ(spawner_.running(), 2U);
  ask({.works = 10s});
  run_for(1s);
  EXPECT_EQ(spawner_.running(), 3U);
}

TEST_F(PoolTest, GrowsOnlyWhenSomebodyHasWaitedForAWhileAndNotBeyondMax) {
  options_.max = 3;
  open();
  ask_and_wait();
  for (int i = 0; i < 4; ++i) ask({.works = 4ms});  // over in 16 ms
  run_for(1s);
  EXPECT_EQ(spawner_.programs.size(), 1U);
  for (int i = 0; i < 30; ++i) ask({.works = 100ms});
  run_for(300ms);
  EXPECT_EQ(spawner_.running(), 3U);
  run_for(5s);
  EXPECT_EQ(spawner_.programs.size(), 3U);
  for (const auto& request : requests_) EXPECT_TRUE(request->done && !request->failure);
}

TEST_F(PoolTest, GrowsAlsoWhenThePressReturnsRightAfterItHasGone) {
  options_.max = 3;
  spawner_.behaviour.accepts_after = 300ms;
  open();
  ask_and_wait({.works = 1ms});  // home has just looked at the line for the last time
  for (int i = 0; i < 3; ++i) ask({.works = 10s});
  run_for(100ms);
  EXPECT_EQ(spawner_.running(), 3U);
}

TEST_F(PoolTest, IdleInstancesGoDownToMinTheLeastRecentlyUsedFirst) {
  options_.max = 4;
  options_.min = 1;
  options_.idle_time = 1min;
  open();
  for (int i = 0; i < 8; ++i) ask({.works = 200ms});
  run_for(2s);
  EXPECT_EQ(spawner_.running(), 4U);
  for (int i = 0; i < 30; ++i) {
    ask_and_wait();
    run_for(3s);
  }
  EXPECT_EQ(spawner_.running(), 1U);
  const uint64_t warm = ask_and_wait().by;
  run_for(1h);
  EXPECT_EQ(spawner_.running(), 1U);
  EXPECT_EQ(ask_and_wait().by, warm);
  EXPECT_TRUE(logged("ended: it was idle"));
}

TEST_F(PoolTest, WithoutMinTheLastOneGoesTooAndTheNextRequestStartsAnother) {
  options_.idle_time = 10s;
  open();
  ask_and_wait();
  run_for(20s);
  EXPECT_EQ(spawner_.running(), 0U);
  EXPECT_FALSE(ask_and_wait().failure);
  EXPECT_EQ(spawner_.running(), 1U);
}

TEST_F(PoolTest, TheQueueIsBoundedInLengthAndTime) {
  options_.max = 1;
  options_.queue = 2;
  options_.queue_time = 1s;
  open();
  ask_and_wait();
  ask({.works = 10s});
  const Request& waits = ask();
  const Request& leaves = ask({.patience = 100ms});
  const Request& refused = ask();
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->reason, AcquireFailure::Reason::kQueueFull);
  run_for(2s);
  ASSERT_TRUE(waits.failure && leaves.failure);
  EXPECT_EQ(waits.failure->reason, AcquireFailure::Reason::kQueueTimeout);
  const AppStatus seen = status();
  EXPECT_EQ(seen.queue.dropped.full, 1U);
  EXPECT_EQ(seen.queue.dropped.timed_out, 2U);
}

TEST_F(PoolTest, WithoutAQueueTheFirstRequestWaitsForTheFirstInstance) {
  options_.queue = 0;
  open();
  const Request& first = ask({.works = 100ms});
  const Request& second = ask();
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->reason, AcquireFailure::Reason::kQueueFull);
  run_for(50ms);
  EXPECT_NE(first.by, 0U);
  run_for(10min);  // it has idled out
  EXPECT_FALSE(ask_and_wait().failure);
}

TEST_F(PoolTest, WithoutAQueueThoseTurnedAwayAreTheDemandThatItGrowsBy) {
  options_.min = 1;
  options_.max = 3;
  options_.queue = 0;
  open();
  run_for(1s);
  for (int i = 0; i < 10; ++i) {
    ask({.works = 10s});
    run_for(50ms);
  }
  EXPECT_EQ(spawner_.running(), 3U);
  EXPECT_EQ(std::ranges::count_if(requests_, [](const auto& each) { return each->by != 0; }), 3);
}

TEST_F(PoolTest, AnInstanceThatTakesSeveralIsSharedByWhoIsLeastBusy) {
  options_.max = 2;
  options_.min = 2;
  options_.concurrency = 3;
  open();
  run_for(1s);
  std::map<uint64_t, int> load;
  for (int i = 0; i < 6; ++i) ++load[ask({.works = 1s}).by];
  ASSERT_EQ(load.size(), 2U);
  for (const auto& [by, count] : load) EXPECT_EQ(count, 3);
  const Request& seventh = ask();
  EXPECT_EQ(seventh.by, 0U);
  run_for(2s);
  EXPECT_TRUE(seventh.done && !seventh.failure);
}

TEST_F(PoolTest, WhatTheWireLearnsRaisesTheConcurrency) {
  options_.max = 1;
  open();
  const Request& first = ask({.works = 1s});
  run_for(100ms);
  const Request& second = ask({.works = 1s});
  EXPECT_EQ(second.by, 0U);
  first.lease->endpoint()->learned({.requests = 8, .connections = 1, .multiplexes = true});
  run_for(1ms);
  EXPECT_EQ(second.by, first.by);
}

class KeptConnections final : public Connections {
 public:
  explicit KeptConnections(int& closings) : closings_(closings) {}
  size_t idle() const override { return 1; }
  void close_idle() override { ++closings_; }

 private:
  int& closings_;
};

TEST_F(PoolTest, AnIdleConnectionThatMayHoldTheProcessIsClosedForWhoWaitsForAnAnswer) {
  options_.max = 1;
  options_.concurrency = 2;  // says the configuration
  open();
  const Request& first = ask({.works = 100ms});
  run_for(50ms);
  int closings = 0;
  first.lease->endpoint()->connections = std::make_unique<KeptConnections>(closings);
  const Request& second = ask({.works = 1s});
  second.lease->at(Phase::kApplication);
  run_for(10ms);
  EXPECT_TRUE(!first.done && second.lease != nullptr);
  run_for(70ms);  // the first one's connection idles now
  EXPECT_TRUE(first.done);
  run_for(30ms);
  EXPECT_EQ(closings, 1);
  second.lease->at(Phase::kReply);
  run_for(500ms);
  EXPECT_EQ(closings, 1);
  run_for(1s);
}

TEST_F(PoolTest, ConfiguredConcurrencyHasTheLastWord) {
  options_.max = 1;
  options_.concurrency = 2;
  open();
  const Request& first = ask({.works = 1s});
  run_for(100ms);
  Endpoint& endpoint = *first.lease->endpoint();
  endpoint.learned({.requests = 100, .connections = 100, .multiplexes = true});
  EXPECT_EQ(endpoint.capacity(), (Capacity{.requests = 2, .connections = 100, .multiplexes = true}));
  endpoint.learned({.requests = 1, .connections = 1, .multiplexes = false});
  EXPECT_EQ(endpoint.capacity(), (Capacity{.requests = 2, .connections = 2, .multiplexes = false}));
}

TEST_F(PoolTest, TheSameKeyGoesToTheSameInstanceIfItCan) {
  options_.min = options_.max = 4;
  open();
  run_for(1s);
  std::map<std::string, uint64_t> homes;
  for (int i = 0; i < 40; ++i) {
    const std::string key = "user" + std::to_string(i % 10);
    Request request;
    request.asked.key = key;
    const uint64_t by = ask_and_wait(std::move(request)).by;
    EXPECT_EQ(homes.try_emplace(key, by).first->second, by);
  }
  std::map<uint64_t, int> spread;
  for (const auto& [key, by] : homes) ++spread[by];
  EXPECT_GT(spread.size(), 1U);
}

TEST_F(PoolTest, AvoidsWhoHasJustFailedThisRequest) {
  options_.min = options_.max = 2;
  open();
  run_for(1s);
  const uint64_t first = ask_and_wait().by;
  Request again;
  again.asked.tried = {&first, 1};
  EXPECT_NE(ask_and_wait(std::move(again)).by, first);
  EXPECT_EQ(status().retries, 1U);
}

TEST_F(PoolTest, ARequestThatWaitsIsSeenAndCanBeEnded) {
  options_.max = 1;
  open();
  ask({.works = 10s});
  run_for(100ms);
  const Request& waits = ask();
  const AppStatus seen = status();
  ASSERT_EQ(seen.live.size(), 2U);
  EXPECT_EQ(seen.live[1].phase, Phase::kQueue);
  EXPECT_EQ(seen.live[0].endpoint, seen.instances[0].endpoint);
  base::Result<void> ended = base::failure(0, "");
  loop_.root().spawn([](PoolTest&, Control& control, base::Result<void>& to) -> loop::Task<void> {
    to = co_await control.end_request(2);
  }(*this, home_->control(*group_), ended));
  run_for(10ms);
  EXPECT_TRUE(ended);
  ASSERT_TRUE(waits.failure);
  EXPECT_EQ(waits.failure->reason, AcquireFailure::Reason::kCancelled);
}

TEST_F(PoolTest, ALeaveDuringTheWaitGivesThePlaceOn) {
  options_.max = 1;
  open();
  ask_and_wait();
  const Request& holds = ask({.works = 100ms});
  loop::Scope client(loop_);
  Request gone;
  client.spawn(serve(gone));
  const Request& next = ask();
  run_for(50ms);
  client.cancel();
  run_for(500ms);
  EXPECT_EQ(gone.failure->reason, AcquireFailure::Reason::kCancelled);
  EXPECT_TRUE(holds.done && next.done && !next.failure);
  EXPECT_EQ(status().queue.dropped.client_left, 1U);
}

}  // namespace
}  // namespace remuda::apps::pool
