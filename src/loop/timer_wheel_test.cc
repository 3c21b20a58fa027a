// SPDX-License-Identifier: Apache-2.0
//
// The wheel against a model that is too simple to be wrong: a list of deadlines.
#include "loop/timer_wheel.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <random>

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;

struct Named : Timer {
  explicit Named(std::function<void(Named&)> call)
      : Timer([](Timer& timer) {
          auto& named = static_cast<Named&>(timer);
          named.on_expiry(named);
        }),
        on_expiry(std::move(call)) {}
  std::function<void(Named&)> on_expiry;
};

class Wheel : public testing::Test {
 protected:
  Time start_ = Time{} + 1234567891ns;
  TimerWheel wheel_{start_};
};

TEST_F(Wheel, ExpiresAtTheDeadlineAndNotBefore) {
  int expired = 0;
  Named timer([&](Named&) { ++expired; });
  wheel_.arm(timer, start_ + 5ms);
  wheel_.advance(start_ + 4999999ns);
  EXPECT_EQ(expired, 0);
  EXPECT_TRUE(timer.is_armed());
  wheel_.advance(start_ + 5ms);
  EXPECT_EQ(expired, 1);
  EXPECT_FALSE(timer.is_armed());
}

TEST_F(Wheel, RoundsUpToItsTick) {
  int expired = 0;
  Named timer([&](Named&) { ++expired; });
  wheel_.arm(timer, start_ + 5ms + 1ns);
  wheel_.advance(start_ + 5ms + 1ns);
  EXPECT_EQ(expired, 0);
  wheel_.advance(start_ + 6ms);
  EXPECT_EQ(expired, 1);
}

TEST_F(Wheel, APastDeadlineExpiresInTheNextTick) {
  int expired = 0;
  Named timer([&](Named&) { ++expired; });
  wheel_.advance(start_ + 10s);
  wheel_.arm(timer, start_ + 3s);
  EXPECT_LE(wheel_.next_expiry(), start_ + 10s + 1ms);
  wheel_.advance(start_ + 10s + 1ms);
  EXPECT_EQ(expired, 1);
}

TEST_F(Wheel, NeverDisarms) {
  Named timer([](Named&) { FAIL(); });
  wheel_.arm(timer, start_ + 1s);
  wheel_.arm(timer, kNever);
  EXPECT_FALSE(timer.is_armed());
  wheel_.advance(start_ + 1h);
  EXPECT_EQ(wheel_.next_expiry(), kNever);
}

TEST_F(Wheel, TheEndOfTimeIsNoOverflow) {
  Named timer([](Named&) { FAIL(); });
  TimerWheel from_zero{Time{}};
  from_zero.arm(timer, kNever - 1ns);
  from_zero.advance(Time{} + 24h * 365 * 5);
  EXPECT_TRUE(timer.is_armed());
  timer.disarm();
}

TEST_F(Wheel, ADestroyedTimerIsForgotten) {
  {
    Named timer([](Named&) { FAIL(); });
    wheel_.arm(timer, start_ + 1s);
  }
  wheel_.advance(start_ + 2s);
}

TEST_F(Wheel, ATimerMayDisarmItsNeighboursAndArmItselfAgain) {
  int first_expired = 0;
  Named second([](Named&) { FAIL(); });
  Named first([&](Named& self) {
    ++first_expired;
    second.disarm();
    if (first_expired < 3) wheel_.arm(self, start_ + 2s);
  });
  wheel_.arm(first, start_ + 1s);
  wheel_.arm(second, start_ + 1s);
  wheel_.advance(start_ + 1s);
  EXPECT_EQ(first_expired, 1);
  wheel_.advance(start_ + 5s);
  EXPECT_EQ(first_expired, 3);
}

// The topmost wheel has turned once after 2^36 ms: the short deadlines around that moment are as good as any.
TEST_F(Wheel, TurnsOverAfterTwoYears) {
  const auto turn = std::chrono::milliseconds(int64_t{1} << 36);
  wheel_.advance(start_ + turn - 1ms);
  int expired = 0;
  Named soon([&](Named&) { ++expired; });
  Named later([&](Named&) { ++expired; });
  wheel_.arm(soon, start_ + turn + 4ms);
  wheel_.arm(later, start_ + turn + 100 * 24h);
  EXPECT_LE(wheel_.next_expiry(), start_ + turn + 4ms);
  wheel_.advance(start_ + turn + 4ms);
  EXPECT_EQ(expired, 1);
  wheel_.advance(start_ + turn + 100 * 24h);
  EXPECT_EQ(expired, 2);
}

TEST_F(Wheel, WaitsBeyondItsHorizon) {
  int expired = 0;
  Named timer([&](Named&) { ++expired; });
  const Time far_off = start_ + 24h * 365 * 20;
  wheel_.arm(timer, far_off);
  int looks = 0;
  while (expired == 0) {
    const Time next = wheel_.next_expiry();
    ASSERT_LE(next, far_off + 1ms);
    wheel_.advance(next);
    ASSERT_LT(++looks, 100);
  }
}

// Delays of every size, from less than a tick to beyond the horizon.
Duration random_delay(std::mt19937_64& random) {
  const auto bits = std::uniform_int_distribution<int>(10, 57)(random);
  return Duration(static_cast<int64_t>(random() >> (64 - bits)));
}

struct Model {
  struct Entry {
    explicit Entry(std::function<void(Named&)> call) : timer(std::move(call)) {}
    Named timer;
    Time deadline = kNever;
  };

  Time earliest() const {
    Time found = kNever;
    for (const Entry& entry : entries) found = std::min(found, entry.deadline);
    return found;
  }

  std::deque<Entry> entries;
};

void play(uint64_t seed, bool by_next_expiry) {
  std::mt19937_64 random(seed);
  const Time start = Time{} + Duration(static_cast<int64_t>(random() % 1'000'000'007));
  TimerWheel wheel(start);
  Model model;
  Time now = start;
  for (int i = 0; i < 40; ++i) {
    auto& entry = model.entries.emplace_back([&model, &now, i](Named&) {
      Model::Entry& mine = model.entries[static_cast<size_t>(i)];
      ASSERT_LE(mine.deadline, now) << "early";
      mine.deadline = kNever;
    });
    static_cast<void>(entry);
  }
  for (int step = 0; step < 3000; ++step) {
    Model::Entry& entry = model.entries[random() % model.entries.size()];
    switch (random() % 4) {
      case 0:
        entry.timer.disarm();
        entry.deadline = kNever;
        break;
      case 1:
      case 2:
        entry.deadline = now + random_delay(random);
        wheel.arm(entry.timer, entry.deadline);
        break;
      default: {
        const Time next = wheel.next_expiry();
        if (next == kNever) {
          ASSERT_EQ(model.earliest(), kNever);
          break;
        }
        // Never late: nothing is due a whole tick before the wheel wants to be asked.
        if (model.earliest() != kNever) {
          ASSERT_LE(next, std::max(model.earliest(), now) + 2ms) << "seed " << seed << " step " << step;
        }
        now = by_next_expiry ? std::max(now, next) : now + random_delay(random);
        wheel.advance(now);
        for (const Model::Entry& each : model.entries)
          ASSERT_TRUE(each.deadline == kNever || each.deadline > now - 1ms) << "late, seed " << seed;
      }
    }
    ASSERT_EQ(entry.timer.is_armed(), entry.deadline != kNever);
  }
}

TEST(WheelAgainstModel, InSteps) {
  for (uint64_t seed = 0; seed < 60; ++seed) play(seed, true);
}

TEST(WheelAgainstModel, InLeaps) {
  for (uint64_t seed = 100; seed < 160; ++seed) play(seed, false);
}

}  // namespace
}  // namespace remuda::loop
