// SPDX-License-Identifier: Apache-2.0
//
// From start to end of instances: limits, deaths, restarts, inheritance.
#include "apps/pool/pool_fixture.h"

namespace remuda::apps::pool {
namespace {

using testing::HasSubstr;

class LifetimeTest : public PoolTest {
 protected:
  RestartReport restart() {
    std::optional<RestartReport> got;
    loop_.root().spawn([](LifetimeTest& test, std::optional<RestartReport>& to) -> loop::Task<void> {
      to = co_await test.home_->control(*test.group_).restart();
    }(*this, got));
    for (int i = 0; i < 100000 && !got; ++i) loop_.turn(loop_.now() + 1ms);
    return got.value_or(RestartReport{});
  }
  // A request every few milliseconds, for so long; all of them have to be answered.
  void load(loop::Duration time) {
    const loop::Time end = loop_.now() + time;
    while (loop_.now() < end) {
      ask({.works = 3ms});
      run_for(2ms);
    }
    run_for(1s);
    for (const auto& request : requests_) EXPECT_TRUE(request->done && !request->failure) << request->number;
  }
};

TEST_F(LifetimeTest, AReplacementIsReadyBeforeTheOldOneDrains) {
  options_.min = options_.max = 1;
  options_.max_requests = 20;
  open();
  run_for(1s);
  std::vector<uint64_t> by;
  for (int i = 0; i < 100; ++i) {
    const Request& request = ask_and_wait();
    ASSERT_FALSE(request.failure);
    EXPECT_LT(request.served_at - request.asked_at, 1ms);  // nobody waits for a start
    if (by.empty() || by.back() != request.by) by.push_back(request.by);
  }
  EXPECT_GE(by.size(), 4U);
  EXPECT_LE(by.size(), 7U);
  run_for(1s);
  EXPECT_EQ(spawner_.running(), 1U);
}

TEST_F(LifetimeTest, OldAgeComesWithJitter) {
  options_.min = options_.max = 4;
  options_.max_age = 1h;
  open();
  run_for(53min);
  EXPECT_EQ(spawner_.programs.size(), 4U);
  run_for(10min);
  EXPECT_EQ(spawner_.programs.size(), 8U);
  EXPECT_EQ(spawner_.running(), 4U);
  EXPECT_TRUE(logged("ended: it is old enough"));
}

TEST_F(LifetimeTest, TooMuchMemoryReplacesAndFarTooMuchKills) {
  options_.min = options_.max = 1;
  options_.memory_soft = 100 << 20;
  options_.memory_hard = 200 << 20;
  open();
  run_for(1s);
  const uint64_t first = ask_and_wait().by;
  spawner_.by_pid[1001].memory.proportional = 150 << 20;
  const Request& during = ask({.works = 3s});
  run_for(2s);
  EXPECT_EQ(spawner_.running(), 2U);  // it drains
  run_for(3s);
  EXPECT_TRUE(during.done && !during.failure);
  EXPECT_EQ(spawner_.running(), 1U);
  EXPECT_TRUE(logged("memory: 150.0 MiB above 100.0 MiB"));
  const uint64_t second = ask_and_wait().by;
  EXPECT_NE(first, second);
  spawner_.by_pid[1002].memory.proportional = 250 << 20;
  ask({.works = 3s});
  run_for(1500ms);
  EXPECT_TRUE(spawner_.programs[1]->ended());
  EXPECT_TRUE(logged("above the hard limit"));
  run_for(1s);
  EXPECT_EQ(spawner_.running(), 1U);
}

TEST_F(LifetimeTest, ManyRequestsBringTheMeasurementForward) {
  options_.min = options_.max = 1;
  options_.memory_soft = 100 << 20;
  open();
  run_for(5s);
  for (int i = 0; i < 70; ++i) {
    spawner_.by_pid[1001].memory.proportional += 2 << 20;
    ask_and_wait({.works = 1ms});
  }
  run_for(100ms);
  EXPECT_EQ(spawner_.programs.size(), 2U);
}

TEST_F(LifetimeTest, ADeathCostsItsOwnRequestsAndIsReplaced) {
  options_.min = options_.max = 2;
  open();
  run_for(1s);
  Request& dies = ask({.works = 1s, .outcome = Outcome::kFailed});
  const Request& lives = ask({.works = 1s});
  run_for(10ms);
  spawner_.end(*spawner_.programs[dies.by == 1 ? 0 : 1], FakeSpawner::killed());
  dies.lease->finish(Outcome::kFailed);
  dies.lease.reset();
  run_for(100ms);
  EXPECT_EQ(spawner_.running(), 2U);
  EXPECT_EQ(spawner_.programs.size(), 3U);
  run_for(2s);
  EXPECT_TRUE(lives.done && !lives.failure);
  EXPECT_EQ(status().failures, 1U);
  EXPECT_TRUE(logged("killed by signal 9"));
}

TEST_F(LifetimeTest, WhoBreaksOffIsNotLentUntilItIsKnownWhetherItLives) {
  options_.min = options_.max = 2;
  open();
  run_for(1s);
  const uint64_t refuses = ask_and_wait({.outcome = Outcome::kRefused}).by;
  EXPECT_NE(ask_and_wait().by, refuses);
  run_for(200ms);
  ask({.works = 1s});
  const Request& other = ask({.works = 1s});
  EXPECT_NE(other.by, 0U);  // both can be lent again
}

TEST_F(LifetimeTest, ThreeFailuresInARowAndItIsReplaced) {
  options_.min = options_.max = 1;
  open();
  run_for(1s);
  for (int i = 0; i < 3; ++i) {
    ask_and_wait({.outcome = Outcome::kFailed});
    run_for(100ms);
  }
  run_for(100ms);
  EXPECT_EQ(spawner_.programs.size(), 2U);
  EXPECT_TRUE(logged("3 of its requests in a row failed"));
}

TEST_F(LifetimeTest, WhatIsTerminatedIsReplaced) {
  options_.max = 1;
  open();
  const Request& hangs = ask({.works = 2s, .outcome = Outcome::kTimedOut});
  run_for(100ms);
  const Request& waits = ask();
  hangs.lease->terminate("the time limit");
  run_for(300ms);
  EXPECT_TRUE(spawner_.programs[0]->ended());
  EXPECT_EQ(spawner_.programs[0]->journey.stopped, "the time limit");
  EXPECT_TRUE(waits.done && !waits.failure);
}

TEST_F(LifetimeTest, ExitZeroAfterSomeAnswersIsOnPurpose) {
  options_.min = 1;
  open();
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(ask_and_wait().failure);
    spawner_.end(*spawner_.programs.back(), FakeSpawner::exited(0));
    run_for(20ms);
  }
  EXPECT_EQ(spawner_.programs.size(), 21U);
  EXPECT_EQ(status().failed_starts, 0U);
}

TEST_F(LifetimeTest, WhoEndsAfterAsManyRequestsEachTimeIsReplacedBefore) {
  options_.max = 1;
  open();
  for (int i = 0; i < 300; ++i) {
    const Request& request = ask_and_wait();
    ASSERT_FALSE(request.failure);
    if (i > 120) EXPECT_LT(request.served_at - request.asked_at, 1ms) << i;
    for (const InstanceStatus& instance : status().instances) {
      if (instance.requests < 50) continue;
      spawner_.end(*spawner_.programs[static_cast<size_t>(instance.pid) - 1001], FakeSpawner::exited(0));
    }
    run_for(1ms);
  }
}

TEST_F(LifetimeTest, StandardErrorIsTheRequestsIfThereIsExactlyOne) {
  options_.max = 1;
  open();
  ask({.works = 1s});
  run_for(100ms);
  spawner_.say(*spawner_.programs[0], "hello\n");
  run_for(1ms);
  EXPECT_TRUE(logged("request 0000000000000001: app blog[1001]: hello"));
  run_for(2s);
  spawner_.say(*spawner_.programs[0], "idle\n");
  run_for(1ms);
  EXPECT_TRUE(logged("warning"));
  EXPECT_TRUE(logged(" app blog[1001]: idle"));
}

TEST_F(LifetimeTest, AFloodOfStandardErrorIsCutAndCounted) {
  options_.max = 1;
  open();
  ask_and_wait();
  const std::string line(999, 'x');
  for (int i = 0; i < 3000; ++i) {
    spawner_.say(*spawner_.programs[0], line + "\n");
    run_for(1ms);
  }
  run_for(10s);
  spawner_.say(*spawner_.programs[0], "after\n");
  run_for(1ms);
  EXPECT_LT(lines_.size(), 1200U);
  EXPECT_TRUE(logged("bytes of its standard error are not in this log"));
  EXPECT_TRUE(logged("after"));
}

TEST_F(LifetimeTest, ARollingRestartLosesNothing) {
  options_.min = 3;
  options_.max = 4;
  open();
  run_for(1s);
  std::optional<RestartReport> got;
  loop_.root().spawn([](LifetimeTest& test, std::optional<RestartReport>& to) -> loop::Task<void> {
    to = co_await test.home_->control(*test.group_).restart();
  }(*this, got));
  load(2s);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->succeeded);
  EXPECT_EQ(got->replaced, 3U);
  for (const InstanceStatus& instance : status().instances) EXPECT_EQ(instance.generation, 2U);
}

TEST_F(LifetimeTest, ARestartToABrokenVersionKeepsTheOldOnes) {
  options_.min = options_.max = 2;
  open();
  run_for(1s);
  spawner_.behaviour.ends = FakeSpawner::exited(3);
  spawner_.behaviour.says = "syntax error\n";
  const RestartReport report = restart();
  EXPECT_FALSE(report.succeeded);
  EXPECT_EQ(report.replaced, 0U);
  EXPECT_THAT(testing::PrintToString(report.lines), HasSubstr("syntax error"));
  load(1s);
  EXPECT_EQ(spawner_.running(), 2U);
  EXPECT_FALSE(spawner_.programs[0]->ended());
  EXPECT_TRUE(status().trouble.empty());
}

TEST_F(LifetimeTest, ARestartOfNobodyTriesOne) {
  open();
  const RestartReport report = restart();
  EXPECT_TRUE(report.succeeded);
  EXPECT_EQ(spawner_.running(), 1U);
}

class PickyProber final : public Prober {
 public:
  loop::Task<base::Result<void>> probe(Endpoint&, std::string_view path, int, loop::Time) override {
    paths.emplace_back(path);
    if (healthy) co_return base::Result<void>();
    co_return base::failure(EPROTO, "probe");
  }
  std::string_view trouble() const override { return "it answered with status 500"; }
  std::vector<std::string> paths;
  bool healthy = true;
};

TEST_F(LifetimeTest, ARestartThatFailsWithNoInstanceThereSaysSo) {
  open();
  spawner_.behaviour.ends = FakeSpawner::exited(3);
  const RestartReport report = restart();
  EXPECT_FALSE(report.succeeded);
  EXPECT_TRUE(report.nobody_serves);
  EXPECT_EQ(report.lines.back(), "no instance serves");
}

TEST_F(LifetimeTest, ARestartReplacesWhatIsStillBeingStartedToo) {
  options_.max = 4;
  spawner_.behaviour.accepts_after = 300ms;
  open();
  ask_and_wait();
  for (int i = 0; i < 20; ++i) ask({.works = 200ms});
  run_for(100ms);
  ASSERT_GT(spawner_.running(), 1U);
  const RestartReport report = restart();
  EXPECT_TRUE(report.succeeded);
  run_for(2s);
  for (const InstanceStatus& each : status().instances) EXPECT_EQ(each.generation, 2U);
  EXPECT_GT(spawner_.running(), 1U);
}

TEST_F(LifetimeTest, ARestartAsksForHealth) {
  options_.min = options_.max = 1;
  options_.health_path = "/up";
  PickyProber prober;
  open();
  home_->use_prober(*group_, prober);
  run_for(1s);
  EXPECT_TRUE(prober.paths.empty());
  EXPECT_TRUE(restart().succeeded);
  EXPECT_EQ(prober.paths.size(), 1U);
  prober.healthy = false;
  const RestartReport report = restart();
  EXPECT_FALSE(report.succeeded);
  EXPECT_THAT(testing::PrintToString(report.lines),
              HasSubstr("a new instance did not start: asked for /up: it answered with status 500"));
  EXPECT_EQ(spawner_.running(), 1U);
  stop();
}

TEST_F(LifetimeTest, AnHeirTakesOverWhatTheFormerWorkerLeft) {
  options_.min = options_.max = 2;
  open();
  run_for(1s);
  const uint64_t id = ask_and_wait().by;
  stop();
  EXPECT_EQ(spawner_.running(), 2U);
  spawner_.left = spawner_.programs;
  spawner_.left.push_back(spawner_.make("something else"));
  spawner_.left.back()->begin(1003, loop_.now(), loop_.now());
  open();
  const Request& request = ask_and_wait();
  EXPECT_LT(request.served_at - request.asked_at, 1ms);
  EXPECT_TRUE(request.by == id || request.by == id + 1 || request.by + 1 == id);
  run_for(1s);
  EXPECT_EQ(spawner_.programs.size(), 3U);
  EXPECT_TRUE(spawner_.programs[2]->ended());
  EXPECT_FALSE(spawner_.programs[0]->ended() || spawner_.programs[1]->ended());
}

TEST_F(LifetimeTest, AnHeirLendsWhatWorksForTheFormerWorkerWhenItIsFree) {
  options_.min = options_.max = 2;
  open();
  run_for(1s);
  stop();
  spawner_.left = spawner_.programs;
  spawner_.busy_until[read_label(spawner_.programs[0]->label)->socket] = loop_.now() + 10s;
  open();
  for (int i = 0; i < 3; ++i) {
    const Request& request = ask_and_wait();
    EXPECT_LT(request.served_at - request.asked_at, 1ms);
    EXPECT_EQ(request.by, 2U);
  }
  run_for(11s);
  Request& both = ask({.works = 1s});
  EXPECT_EQ(ask_and_wait().by + both.by, 3U);
  EXPECT_EQ(spawner_.programs.size(), 2U) << "none was started besides";
}

TEST_F(LifetimeTest, AnHeirEndsWhatNeverBecomesFree) {
  options_.min = options_.max = 1;
  options_.drain_time = 5s;
  options_.start_timeout = 3s;
  open();
  run_for(1s);
  stop();
  spawner_.left = spawner_.programs;
  spawner_.busy_until[read_label(spawner_.programs[0]->label)->socket] = loop_.now() + 1h;
  open();
  const Request& request = ask_and_wait();
  EXPECT_EQ(request.failure, std::nullopt);
  EXPECT_GE(request.served_at - request.asked_at, 5s);
  EXPECT_LT(request.served_at - request.asked_at, 6s);
  EXPECT_TRUE(spawner_.programs[0]->ended());
  EXPECT_TRUE(logged("ended: the last request of a former worker took too long"));
  EXPECT_EQ(status().failed_starts, 0U);
}

TEST_F(LifetimeTest, AnInstanceIsEndedByItsNumber) {
  options_.min = 1;
  open();
  run_for(1s);
  Control& control = home_->control(*group_);
  EXPECT_EQ(control.end_instance(1).error().code, ENOENT);
  EXPECT_TRUE(control.end_instance(1001));
  run_for(100ms);
  EXPECT_TRUE(spawner_.programs[0]->ended());
  EXPECT_EQ(spawner_.running(), 1U);
  EXPECT_EQ(control.add_peer("x").error().code, ENOTSUP);
}

TEST_F(LifetimeTest, NoMoreIsTakenFromAnotherThanIsNeeded) {
  pool_options_.instances = 4;
  pool_.emplace(pool_options_);
  group_ = &pool_->add(options_);
  GroupOptions shop = options_;
  shop.name = "shop";
  Group& second = pool_->add(shop);
  begin();
  PoolSource other(second, loop_);
  for (int i = 0; i < 30; ++i) ask({.works = 100ms});
  run_for(10s);
  ASSERT_EQ(spawner_.running(), 3U);  // one is promised to the other
  for (auto& [pid, behaviour] : spawner_.by_pid) behaviour.heeds_term = false;  // it takes five seconds
  for (int i = 0; i < 2; ++i) {
    clients_.spawn([](loop::Loop& loop, PoolSource& source) -> loop::Task<void> {
      StartRequest request;
      auto lease = co_await source.acquire(request, loop.now() + 20s);
      EXPECT_TRUE(lease);
      co_await loop.sleep_until(loop.now() + 10s);
    }(loop_, other));
  }
  run_for(9s);
  EXPECT_EQ(spawner_.terminated, 1U);
  EXPECT_EQ(spawner_.running(), 4U);
  run_for(10s);
  stop();
}

TEST_F(LifetimeTest, OneApplicationCannotStarveTheOther) {
  pool_options_.instances = 4;
  options_.max = 10;
  pool_.emplace(pool_options_);
  group_ = &pool_->add(options_);
  GroupOptions shop = options_;
  shop.name = "shop";
  shop.guaranteed = 2;
  Group& second = pool_->add(shop);
  begin();
  PoolSource other(second, loop_);
  for (int i = 0; i < 60; ++i) ask({.works = 100ms});
  run_for(1s);
  EXPECT_EQ(spawner_.running(), 2U);  // two are promised to the other
  run_for(5s);
  for (int i = 0; i < 2; ++i) {
    clients_.spawn([](loop::Loop& loop, PoolSource& source) -> loop::Task<void> {
      StartRequest request;
      auto lease = co_await source.acquire(request, loop.now() + 5s);
      EXPECT_TRUE(lease);
      co_await loop.sleep_until(loop.now() + 1s);
    }(loop_, other));
  }
  run_for(3s);
  EXPECT_EQ(spawner_.running(), 4U);
  stop();
}

TEST_F(LifetimeTest, WhatEndsSlowlyDoesNotPileUp) {
  options_.max = 1;
  spawner_.behaviour.heeds_term = false;  // it takes five seconds
  open();
  size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    const Request& request = ask({.works = 200ms});
    run_for(150ms);
    ASSERT_NE(request.lease, nullptr);
    request.lease->terminate("its time limit passed");
    run_for(150ms);
    most = std::max(most, spawner_.running());
  }
  EXPECT_LE(most, 2U);
  EXPECT_GE(spawner_.killed_at_once, 15U);
}

TEST_F(LifetimeTest, TheLastOfManyApplicationsIsServedToo) {
  pool_options_.instances = 2;
  pool_.emplace(pool_options_);
  group_ = &pool_->add(options_);
  GroupOptions shop = options_;
  shop.name = "shop";
  PoolSource second(pool_->add(shop), loop_);
  GroupOptions wiki = options_;
  wiki.name = "wiki";
  PoolSource third(pool_->add(wiki), loop_);
  begin();
  int served = 0;
  for (int round = 0; round < 2; ++round) {
    for (PoolSource* source : {&*source_, &second, &third}) {
      clients_.spawn([](loop::Loop& loop, PoolSource& from, int& count) -> loop::Task<void> {
        StartRequest request;
        const auto lease = co_await from.acquire(request, loop.now() + 3s);
        if (lease) ++count;
      }(loop_, *source, served));
      run_for(1s);
    }
  }
  EXPECT_EQ(served, 6);
  EXPECT_EQ(spawner_.running(), 2U);
  stop();
}

}  // namespace
}  // namespace remuda::apps::pool
