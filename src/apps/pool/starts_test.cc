// SPDX-License-Identifier: Apache-2.0
//
// Starts that fail: what is tried again, when, and what those are told who wait.
#include "apps/pool/pool_fixture.h"

namespace remuda::apps::pool {
namespace {

using testing::HasSubstr;

class StartsTest : public PoolTest {};

TEST_F(StartsTest, ACrashLoopBacksOffAndTheQueueAnswersFast) {
  spawner_.behaviour.ends = FakeSpawner::exited(1);
  spawner_.behaviour.says = "no module named blog\n";
  open();
  const Request& first = ask_and_wait();
  ASSERT_TRUE(first.failure);
  EXPECT_EQ(first.failure->reason, AcquireFailure::Reason::kNotStarting);
  EXPECT_THAT(first.failure->trouble, HasSubstr("exited with status 1"));
  EXPECT_THAT(first.failure->details, HasSubstr("no module named blog"));
  EXPECT_EQ(spawner_.programs.size(), 2U);
  const Request& second = ask();
  EXPECT_TRUE(second.failure);  // at once
  for (int i = 0; i < 600; ++i) {
    ask();
    run_for(1s);
  }
  EXPECT_LT(spawner_.programs.size(), 20U);  // in ten minutes, at most one a minute
  EXPECT_GT(spawner_.programs.size(), 10U);
  EXPECT_FALSE(status().trouble.empty());
  spawner_.behaviour.ends.reset();
  run_for(1min);
  Request& healed = ask_and_wait();
  EXPECT_FALSE(healed.failure);
  EXPECT_TRUE(status().trouble.empty());
}

// Those that serve say nothing about those that do not start: after the supervisor's death there is no
// spawner at all.
TEST_F(StartsTest, ACrashLoopBesideAnInstanceThatServesBacksOffToo) {
  options_.min = options_.max = 2;
  open();
  run_for(10s);
  spawner_.refuses = base::Error{EPIPE, "reach the spawner"};
  spawner_.end(*spawner_.programs.back(), FakeSpawner::killed());
  run_for(1min);
  EXPECT_GT(status().failed_starts, 3U);
  EXPECT_LT(status().failed_starts, 20U);
  EXPECT_THAT(status().trouble, HasSubstr("reach the spawner"));
  EXPECT_FALSE(ask_and_wait().failure);
  spawner_.refuses.reset();
  run_for(1min);
  EXPECT_EQ(spawner_.running(), 2U);
}

// One blow is one failure, however many it hits.
TEST_F(StartsTest, StartsThatFailTogetherAreOneFailure) {
  options_.min = options_.max = 4;
  spawner_.behaviour.ends = FakeSpawner::exited(1);
  open();
  run_for(500us);
  spawner_.behaviour.ends.reset();
  run_for(100ms);
  EXPECT_EQ(spawner_.running(), 4U);
  EXPECT_EQ(status().failed_starts, 4U);
}

TEST_F(StartsTest, FreshInstancesThatEndTogetherAreOneFailure) {
  options_.min = options_.max = 4;
  open();
  run_for(1s);
  for (const auto& program : std::vector(spawner_.programs)) spawner_.end(*program, FakeSpawner::killed());
  run_for(300ms);
  EXPECT_EQ(spawner_.running(), 4U);
}

TEST_F(StartsTest, WhatWasLostWithTheSpawnerSaysNothingOfTheProgram) {
  spawner_.behaviour.ends = Ending{.kind = Ending::Kind::kLost, .step = {}, .detail = {}};
  open();
  const Request& request = ask();
  run_for(20ms);
  EXPECT_GT(spawner_.programs.size(), 2U);
  spawner_.behaviour.ends.reset();
  run_for(100ms);
  EXPECT_TRUE(request.done && !request.failure);
  EXPECT_TRUE(status().trouble.empty());
}

TEST_F(StartsTest, AColdApplicationRefusesNobodyForTheTimeOfItsStarts) {
  options_.max = 4;
  options_.idle_time = 100ms;
  options_.queue_time = 5s;
  spawner_.behaviour.accepts_after = 1s;
  open();
  for (int i = 0; i < 20; ++i) {
    ask_and_wait();
    run_for(1s);
  }
  std::vector<const Request*> burst;
  for (int i = 0; i < 20; ++i) burst.push_back(&ask());
  run_for(3s);
  for (const Request* each : burst) EXPECT_TRUE(each->done && !each->failure);
  EXPECT_EQ(status().queue.dropped.hopeless, 0U);
}

// Whatever the pace was: it was that of instances that are not there any more.
TEST_F(StartsTest, WhileNobodyLendsNobodyIsToldThatItTakesTooLong) {
  options_.max = 1;
  options_.idle_time = 100ms;
  options_.queue_time = 5s;
  open();
  for (int i = 0; i < 20; ++i) {
    ask({.works = 1s});
    ask({.works = 1s});
    run_for(3s);
  }
  spawner_.behaviour.accepts_after = 1s;
  std::vector<const Request*> burst;
  for (int i = 0; i < 20; ++i) burst.push_back(&ask({.works = 1ms}));
  run_for(3s);
  for (const Request* each : burst) EXPECT_TRUE(each->done && !each->failure);
}

TEST_F(StartsTest, OnePlainFailureIsTriedAgainAtOnce) {
  spawner_.behaviour.ends = FakeSpawner::exited(1);
  open();
  const Request& request = ask();
  run_for(500us);
  spawner_.behaviour.ends.reset();
  run_for(100ms);
  EXPECT_TRUE(request.done && !request.failure);
}

TEST_F(StartsTest, AProgramThatIsNotThereFailsAtOnce) {
  spawner_.behaviour.ends =
      Ending{.kind = Ending::Kind::kNotStarted, .code = ENOENT, .step = "exec", .detail = {}};
  open();
  const Request& request = ask();
  run_for(10ms);
  ASSERT_TRUE(request.failure);
  EXPECT_EQ(request.failure->reason, AcquireFailure::Reason::kNotStarting);
  EXPECT_EQ(spawner_.programs.size(), 1U);
}

TEST_F(StartsTest, WithoutASpawnerRequestsFailFast) {
  spawner_.refuses = base::Error{EPIPE, "reach the spawner"};
  open();
  EXPECT_EQ(ask_and_wait().failure->reason, AcquireFailure::Reason::kNotStarting);
  spawner_.refuses.reset();
  run_for(2s);
  EXPECT_FALSE(ask_and_wait().failure);
}

TEST_F(StartsTest, WhoDoesNotAcceptInTimeIsStopped) {
  options_.start_timeout = 3s;
  spawner_.behaviour.accepts_after.reset();
  spawner_.behaviour.heeds_term = false;
  open();
  const Request& request = ask();
  run_for(20s);
  ASSERT_TRUE(request.failure);
  EXPECT_THAT(request.failure->trouble, HasSubstr("did not accept in time"));
  EXPECT_GE(spawner_.terminated, 2U);
}

TEST_F(StartsTest, DyingBeforeTheFirstAnswerIsACrashLoopToo) {
  options_.min = 1;
  open();
  for (int i = 0; i < 200; ++i) {
    run_for(50ms);
    if (spawner_.running() > 0) spawner_.end(*spawner_.programs.back(), FakeSpawner::exited(0));
  }
  EXPECT_LT(spawner_.programs.size(), 10U);
}

}  // namespace
}  // namespace remuda::apps::pool
