// SPDX-License-Identifier: Apache-2.0
//
// Order, pace and refusals of the line, without anybody's clock but the test's.
#include "apps/waiting_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "loop/backend/deterministic.h"

namespace remuda::apps {
namespace {

using namespace std::chrono_literals;
using Refusal = WaitingLine::Refusal;

class WaitingLineTest : public testing::Test {
 protected:
  // Arrives now; how it was received.
  std::optional<Refusal> arrive(loop::Duration allowed = 30s) { return arrive_on(loop_, allowed); }
  std::optional<Refusal> arrive_on(loop::Loop& loop, loop::Duration allowed = 30s) {
    const auto refusal = line_.may_join(loop, now_, now_ + allowed);
    if (refusal) return refusal;
    waiters_.push_back(std::make_shared<WaitingLine::Waiter>(loop, now_, now_ + allowed));
    line_.join(*waiters_.back());
    return std::nullopt;
  }
  // Who is served: its number in the order of arrival; -1: nobody.
  int serve(const loop::Loop* here = nullptr) {
    WaitingLine::Waiter* const next = line_.next(now_, here);
    if (next == nullptr) return -1;
    const auto granted = line_.grant(*next, now_);
    EXPECT_EQ(line_.leave(*granted, {}), std::nullopt);
    return static_cast<int>(std::ranges::find(waiters_, granted) - waiters_.begin());
  }
  // By a place that was not there before.
  void serve_by_a_new_one() {
    const auto granted = line_.grant(*line_.next(now_), now_, WaitingLine::Place::kNew);
    EXPECT_EQ(line_.leave(*granted, {}), std::nullopt);
  }
  // A pace of `each` for long enough to be known.
  void learn(loop::Duration each) {
    for (int i = 0; i < 16; ++i) {
      arrive();
      now_ += each;
      serve();
    }
    waiters_.clear();
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  loop::Loop other_{backend_};
  loop::Time now_ = loop::Time{} + 1h;
  WaitingLine line_{4};
  std::vector<std::shared_ptr<WaitingLine::Waiter>> waiters_;
};

TEST_F(WaitingLineTest, FirstComeFirstServed) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(arrive(), std::nullopt);
  EXPECT_EQ(arrive(), Refusal::kFull);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(serve(), i);
  EXPECT_EQ(serve(), -1);
}

TEST_F(WaitingLineTest, HowLongAStartTakesIsNotThePace) {
  for (int i = 0; i < 32; ++i) {
    arrive();
    now_ += 2s;
    serve_by_a_new_one();
  }
  EXPECT_EQ(line_.expected_wait(), 0s);
  learn(10ms);
  arrive();
  now_ += 2s;
  serve_by_a_new_one();
  EXPECT_EQ(line_.expected_wait(), 10ms);
}

TEST_F(WaitingLineTest, NewestFirstWhenTheFirstHasUsedUpHalfOfItsTime) {
  arrive(30s);
  now_ += 14s;
  arrive(30s);
  EXPECT_EQ(serve(), 0);
  arrive(30s);
  now_ += 16s;
  arrive(30s);
  EXPECT_EQ(serve(), 3);
  EXPECT_EQ(serve(), 2);
  EXPECT_EQ(serve(), 1);
}

TEST_F(WaitingLineTest, AFullLineLetsGoOfItsOldestForANewcomerUnderOverload) {
  for (int i = 0; i < 4; ++i) arrive(10s);
  now_ += 6s;
  EXPECT_EQ(arrive(10s), std::nullopt);
  EXPECT_EQ(line_.leave(*waiters_[0], {}), Refusal::kHopeless);
  EXPECT_EQ(line_.status(now_).dropped.hopeless, 1U);
  EXPECT_EQ(line_.waiting(), 4U);
}

TEST_F(WaitingLineTest, WhoWouldWaitTooLongIsToldAtOnce) {
  learn(1s);
  EXPECT_EQ(arrive(), std::nullopt);
  EXPECT_EQ(arrive(), std::nullopt);
  EXPECT_EQ(line_.expected_wait(), 3s);
  EXPECT_EQ(arrive(2s), Refusal::kHopeless);
  EXPECT_EQ(arrive(4s), std::nullopt);
  EXPECT_EQ(line_.retry_after(), 4s);
}

TEST_F(WaitingLineTest, WithNobodyBeforeItOneMayAlwaysTry) {
  learn(20s);
  EXPECT_EQ(arrive(1s), std::nullopt);
}

TEST_F(WaitingLineTest, ThePaceIsNotLearntFromIdleTime) {
  learn(1s);
  now_ += 1h;
  arrive();
  EXPECT_EQ(line_.expected_wait(), 2s);
}

TEST_F(WaitingLineTest, WhoseTimeIsOverIsNotServed) {
  arrive(1s);
  arrive(30s);
  now_ += 2s;
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(line_.leave(*waiters_[0], base::failure(ETIMEDOUT, "")), Refusal::kTimedOut);
  EXPECT_EQ(line_.status(now_).dropped.timed_out, 1U);
}

TEST_F(WaitingLineTest, FiguresByReason) {
  for (int i = 0; i < 3; ++i) arrive();
  now_ += 2s;
  EXPECT_EQ(line_.status(now_).longest, 2s);
  EXPECT_EQ(line_.pressed_for(now_), 2s);
  EXPECT_EQ(line_.leave(*waiters_[0], base::failure(ECONNRESET, "")), Refusal::kCancelled);
  EXPECT_EQ(serve(), 1);
  line_.dismiss_all(loop_, Refusal::kUnavailable);
  EXPECT_EQ(line_.leave(*waiters_[2], {}), Refusal::kUnavailable);
  const QueueStatus status = line_.status(now_);
  EXPECT_EQ(status.waiting, 0U);
  EXPECT_EQ(status.admitted, 1U);
  EXPECT_EQ(status.waited, 2s);
  EXPECT_EQ(status.dropped.client_left, 1U);
  EXPECT_EQ(status.dropped.unavailable, 1U);
}

TEST_F(WaitingLineTest, OneOfTheSameLoopMayOvertakeWhoCameAtNearlyTheSameTime) {
  arrive_on(other_);
  now_ += 500us;
  arrive_on(loop_);
  now_ += 500us;
  EXPECT_EQ(serve(&loop_), 1);
  now_ += 10ms;
  arrive_on(loop_);
  EXPECT_EQ(serve(&loop_), 0);
}

}  // namespace
}  // namespace remuda::apps
