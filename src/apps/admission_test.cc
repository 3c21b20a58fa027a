// SPDX-License-Identifier: Apache-2.0
//
// Places, queue and order, on one loop and between two.
#include "apps/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "apps/journey.h"
#include "loop/backend/epoll.h"

namespace remuda::apps {
namespace {

using namespace std::chrono_literals;
using Outcome = std::expected<void, Admission::Refusal>;

class AdmissionTest : public testing::Test {
 protected:
  loop::Task<void> enter(Admission& admission, int name, loop::Duration most = 1s) {
    const Outcome outcome = co_await admission.enter(loop_, loop_.now() + most);
    outcomes_.emplace_back(name, outcome);
  }
  void turn() { loop_.turn(loop_.now() + 5ms); }

  std::unique_ptr<loop::EpollBackend> backend_ = std::move(*loop::EpollBackend::create());
  loop::Loop loop_{*backend_};
  std::vector<std::pair<int, Outcome>> outcomes_;
};

TEST_F(AdmissionTest, FirstComeFirstServed) {
  Admission admission({.at_once = 1, .queue = 2});
  for (int i = 0; i < 4; ++i) loop_.root().spawn(enter(admission, i));
  ASSERT_EQ(outcomes_.size(), 2U);  // the first is in, the last was refused
  EXPECT_TRUE(outcomes_[0].second);
  EXPECT_EQ(outcomes_[1].second.error(), Admission::Refusal::kFull);
  EXPECT_EQ(admission.waiting(), 2U);
  for (int i = 1; i < 3; ++i) {
    admission.leave(loop_);
    while (outcomes_.size() < 2U + i) turn();
    EXPECT_EQ(outcomes_.back().first, i);
  }
  admission.leave(loop_);
  EXPECT_EQ(admission.inside(), 0U);
}

TEST_F(AdmissionTest, TimeAndCancellation) {
  Admission admission({.at_once = 1, .queue = 2});
  loop_.root().spawn(enter(admission, 0));
  loop_.root().spawn(enter(admission, 1, 10ms));
  while (outcomes_.size() < 2) turn();
  EXPECT_EQ(outcomes_[1].second.error(), Admission::Refusal::kTimedOut);
  loop::Scope scope(loop_);
  scope.spawn(enter(admission, 2));
  scope.cancel();
  while (outcomes_.size() < 3) turn();
  EXPECT_EQ(outcomes_[2].second.error(), Admission::Refusal::kCancelled);
  EXPECT_EQ(admission.waiting(), 0U);
  admission.leave(loop_);
}

TEST_F(AdmissionTest, APlaceGivenToOneWhoIsCancelledGoesOn) {
  Admission admission({.at_once = 1, .queue = 2});
  loop_.root().spawn(enter(admission, 0));
  loop::Scope scope(loop_);
  scope.spawn(enter(admission, 1));
  loop_.root().spawn(enter(admission, 2));
  scope.cancel();
  admission.leave(loop_);  // given to 1, which has been cancelled but does not know yet
  while (outcomes_.size() < 3) turn();
  EXPECT_EQ(admission.inside(), 1U);
  admission.leave(loop_);
  EXPECT_EQ(admission.inside(), 0U);
}

TEST(Admission, BetweenLoops) {
  Admission admission({.at_once = 2, .queue = 1000});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  const auto visit = [&](loop::Loop& loop, int& left) -> loop::Task<void> {
    const auto entered = co_await admission.enter(loop, loop.now() + 60s);
    EXPECT_TRUE(entered);
    const int now = ++inside;
    if (now > most) most = now;
    co_await loop.sleep_until(loop.now() + 1ms);
    --inside;
    admission.leave(loop);
    --left;
  };
  const auto run = [&] {
    const auto backend = std::move(*loop::EpollBackend::create());
    loop::Loop loop(*backend);
    int left = 50;
    for (int i = 0; i < 50; ++i) loop.root().spawn(visit(loop, left));
    while (left > 0) loop.turn(loop.now() + 20ms);
  };
  {
    std::jthread one(run);
    std::jthread two(run);
  }
  EXPECT_LE(most, 2);
  EXPECT_EQ(admission.inside(), 0U);
}

TEST(Journey, Words) {
  Journey journey;
  journey.app = "cgi";
  journey.program = "/srv/x";
  journey.asked = loop::Time(1s);
  journey.started = loop::Time(1s + 2ms);
  journey.ended = loop::Time(1s + 5ms);
  journey.ending = {.kind = Ending::Kind::kSignaled, .code = 9, .step = {}, .detail = {}};
  for (int i = 0; i < 20; ++i) journey.add_error_line("line " + std::to_string(i));
  journey.error_bytes = 200;
  const auto lines = to_lines(journey);
  EXPECT_EQ(lines[0], "program /srv/x");
  EXPECT_EQ(lines[2], "+2.000 ms started");
  EXPECT_EQ(lines[3], "+5.000 ms killed by signal 9 (Killed)");
  EXPECT_EQ(lines.back(), "  line 19");
  EXPECT_EQ(journey.error_lines.size(), Journey::kErrorLines);
}

}  // namespace
}  // namespace remuda::apps
