// SPDX-License-Identifier: Apache-2.0
//
// Events wake in order, once, and lose nobody who waits with a deadline or under a scope that is cancelled.
#include "loop/event.h"

#include <gtest/gtest.h>

#include <string>

#include "loop/backend/deterministic.h"

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;

class EventTest : public testing::Test {
 protected:
  Task<void> wait(char name, Time deadline = kNever) {
    const auto woken = co_await event_.wait(deadline);
    log_ += name;
    if (!woken) log_ += woken.error().code == ETIMEDOUT ? "(late)" : "(cancelled)";
  }

  DeterministicBackend backend_;
  Loop loop_{backend_};
  Event event_{loop_};
  std::string log_;
};

TEST_F(EventTest, WakesInTheOrderOfArrivalAndInTheNextTurn) {
  for (const char name : {'a', 'b', 'c'}) loop_.root().spawn(wait(name));
  event_.notify_one();
  EXPECT_EQ(log_, "");
  loop_.turn(loop_.now());
  EXPECT_EQ(log_, "a");
  event_.notify_all();
  EXPECT_FALSE(event_.has_waiters());
  loop_.run();
  EXPECT_EQ(log_, "abc");
}

TEST_F(EventTest, HasNoMemory) {
  event_.notify_all();
  loop_.root().spawn(wait('a', loop_.now() + 1s));
  loop_.run();
  EXPECT_EQ(log_, "a(late)");
}

TEST_F(EventTest, TheOneWhoTimedOutIsNoLongerNotified) {
  loop_.root().spawn(wait('a', loop_.now() + 1s));
  loop_.root().spawn(wait('b', loop_.now() + 1min));
  backend_.advance(2s);
  loop_.turn(loop_.now() + 2s);
  loop_.turn(loop_.now());
  EXPECT_EQ(log_, "a(late)");
  event_.notify_one();
  loop_.run();
  EXPECT_EQ(log_, "a(late)b");
}

TEST_F(EventTest, CancellationLeavesTheEventEmpty) {
  loop_.root().spawn(wait('a'));
  loop_.root().spawn(wait('b'));
  loop_.root().cancel();
  EXPECT_FALSE(event_.has_waiters());
  event_.notify_all();
  loop_.run();
  EXPECT_EQ(log_, "a(cancelled)b(cancelled)");
}

TEST_F(EventTest, NotifiedFirstMeansNotCancelledThen) {
  loop_.root().spawn(wait('a'));
  event_.notify_one();
  loop_.root().cancel();
  loop_.run();
  EXPECT_EQ(log_, "a");
}

// A producer and a consumer that hand over a hundred things, one at a time, by two events.
TEST_F(EventTest, TakesTurns) {
  Event taken(loop_);
  int offered = 0;
  int received = 0;
  auto produce = [](Event& arrived, Event& went, int& item) -> Task<void> {
    for (int i = 1; i <= 100; ++i) {
      while (item != 0) co_await went.wait(kNever);
      item = i;
      arrived.notify_one();
    }
  };
  auto consume = [](Event& arrived, Event& went, int& item, int& sum) -> Task<void> {
    for (int i = 1; i <= 100; ++i) {
      while (item == 0) co_await arrived.wait(kNever);
      sum += std::exchange(item, 0);
      went.notify_one();
    }
  };
  loop_.root().spawn(produce(event_, taken, offered));
  loop_.root().spawn(consume(event_, taken, offered, received));
  loop_.run();
  EXPECT_FALSE(backend_.was_stuck());
  EXPECT_EQ(received, 5050);
}

}  // namespace
}  // namespace remuda::loop
