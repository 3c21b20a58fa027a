// SPDX-License-Identifier: Apache-2.0
//
// The turn of the loop: messages from other threads, the order of what is ready, the time that stories see.
#include "loop/loop.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "loop/backend/deterministic.h"
#include "loop/backend/epoll.h"
#include "loop/event.h"
#include "loop/frame_allocator.h"

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;
using base::Fd;

TEST(Loop, AStoryRunsUntilItsFirstWait) {
  DeterministicBackend backend;
  Loop loop(backend);
  std::string log;
  auto story = [](Loop& its_loop, std::string& into) -> Task<void> {
    into += "a";
    co_await its_loop.yield();
    into += "b";
  };
  loop.root().spawn(story(loop, log));
  log += "-";
  loop.root().spawn(story(loop, log));
  loop.run();
  EXPECT_EQ(log, "a-abb");
}

TEST(Loop, YieldLetsEverybodyElseRunFirst) {
  DeterministicBackend backend;
  Loop loop(backend);
  std::string log;
  auto story = [](Loop& its_loop, char name, std::string& into) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      into += name;
      co_await its_loop.yield();
    }
  };
  for (const char name : {'a', 'b', 'c'}) loop.root().spawn(story(loop, name, log));
  loop.run();
  EXPECT_EQ(log, "abcabcabc");
}

TEST(Loop, WhoYieldsForEverDoesNotKeepTimersAndInputOut) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  bool stop = false;
  auto busy = [](Loop& its_loop, const bool& until) -> Task<void> {
    while (!until) co_await its_loop.yield();
  };
  auto reader = [](Loop& its_loop, int fd, bool& flag) -> Task<void> {
    std::byte byte;
    EXPECT_TRUE(co_await its_loop.receive(fd, {&byte, 1}, kNever));
    flag = true;
    its_loop.close(fd);
  };
  loop.root().spawn(busy(loop, stop));
  loop.root().spawn(reader(loop, near, stop));
  loop.turn(loop.now());
  loop.turn(loop.now());
  EXPECT_FALSE(stop);
  backend.put(far, "x");
  loop.run();
  EXPECT_TRUE(stop);
}

TEST(Loop, RunEndsWithTheLastStoryAndWaitsForNothingMore) {
  auto backend = std::move(EpollBackend::create().value());
  Loop loop(*backend);
  Event never(loop);
  auto story = [](Event& event) -> Task<void> { co_await event.wait(kNever); };
  loop.root().spawn(story(never));
  loop.turn(loop.now());
  loop.root().cancel();
  loop.run();
  EXPECT_EQ(loop.root().children(), 0U);
}

TEST(Loop, ReceiveNowNeverWaits) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  std::vector<int> results;
  auto story = [](Loop& its_loop, int fd, std::vector<int>& into) -> Task<void> {
    std::byte bytes[10];
    const auto got = co_await its_loop.receive_now(fd, bytes);
    into.push_back(got ? static_cast<int>(*got) : -got.error().code);
  };
  loop.root().spawn(story(loop, near, results));
  backend.put(far, "abc");
  loop.root().spawn(story(loop, near, results));
  backend.end_sending(far);
  loop.root().spawn(story(loop, near, results));
  EXPECT_EQ(results, (std::vector{-EAGAIN, 3, 0}));
  EXPECT_EQ(loop.root().children(), 0U);
  loop.close(near);
}

// A story that goes on after a long silence sets its next deadline from the time of now, not of before.
TEST(Loop, ResumedStoriesSeeTheTimeOfNow) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  backend.after(50s, [&] { backend.put(far, "x"); });
  backend.after(54s, [&] { backend.put(far, "y"); });
  std::string got;
  auto story = [](Loop& its_loop, int fd, std::string& into) -> Task<void> {
    char byte = 0;
    const auto buffer = std::as_writable_bytes(std::span(&byte, 1));
    EXPECT_TRUE(co_await its_loop.receive(fd, buffer, its_loop.now() + 60s));
    into += byte;
    EXPECT_TRUE(co_await its_loop.receive(fd, buffer, its_loop.now() + 5s));
    into += byte;
    its_loop.close(fd);
  };
  loop.root().spawn(story(loop, near, got));
  loop.run();
  EXPECT_EQ(got, "xy");
}

TEST(Loop, SleepsAsLongAsAsked) {
  auto backend = std::move(EpollBackend::create().value());
  Loop loop(*backend);
  auto story = [](Loop& its_loop) -> Task<void> { co_await its_loop.sleep_until(its_loop.now() + 20ms); };
  const Time began = Clock::now();
  loop.root().spawn(story(loop));
  loop.run();
  EXPECT_GE(Clock::now() - began, 20ms);
}

TEST(Loop, PostsFromItsOwnThreadRunInTheNextTurn) {
  DeterministicBackend backend;
  Loop loop(backend);
  std::string log;
  loop.post([&] {
    log += "a";
    loop.post([&] { log += "c"; });
    log += "b";
  });
  loop.turn(kNever);
  EXPECT_EQ(log, "ab");
  loop.turn(kNever);
  EXPECT_EQ(log, "abc");
}

TEST(Loop, PostsFromOtherThreadsAllArriveAndInOrder) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 2000;
  auto backend = std::move(EpollBackend::create().value());
  Loop loop(*backend);
  Event changed(loop);
  std::array<int, kThreads> last{};
  int received = 0;
  auto story = [](Event& event, const int& count) -> Task<void> {
    while (count < kThreads * kCalls) co_await event.wait(kNever);
  };
  loop.root().spawn(story(changed, received));
  std::vector<std::thread> threads;
  for (size_t name = 0; name < kThreads; ++name) {
    threads.emplace_back([&, name] {
      for (int i = 1; i <= kCalls; ++i) {
        loop.post([&, name, i] {
          EXPECT_EQ(last[name], i - 1);
          last[name] = i;
          ++received;
          changed.notify_all();
        });
      }
    });
  }
  loop.run();
  EXPECT_EQ(received, kThreads * kCalls);
  for (std::thread& thread : threads) thread.join();
}

// Two loops, each on its thread, throw a ball to each other: a lost wake would hang.
TEST(Loop, LoopsTalkToEachOther) {
  struct Side {
    std::unique_ptr<EpollBackend> backend = std::move(EpollBackend::create().value());
    Loop loop{*backend};
    Event changed{loop};
    int balls = 0;
  };
  Side left;
  Side right;
  constexpr int kRounds = 3000;
  auto play = [](Side& mine, Side& other) -> Task<void> {
    for (int round = 0; round < kRounds; ++round) {
      while (mine.balls == 0) co_await mine.changed.wait(kNever);
      --mine.balls;
      other.loop.post([&other] {
        ++other.balls;
        other.changed.notify_all();
      });
    }
  };
  left.loop.post([&] {
    ++left.balls;
    left.changed.notify_all();
  });
  left.loop.root().spawn(play(left, right));
  std::thread other([&] {
    right.loop.root().spawn(play(right, left));
    right.loop.run();
    EXPECT_EQ(live_frames(), 0U);
    release_unused_frames();
  });
  left.loop.run();
  other.join();
  EXPECT_EQ(right.balls, 0);
}

// The thread that posts the last call may still be inside post() when the loop ends because of it.
TEST(Loop, EndsWhileSomebodyLeavesPost) {
  for (int round = 0; round < 300; ++round) {
    auto backend = std::move(EpollBackend::create().value());
    std::thread poster;
    {
      Loop loop(*backend);
      Event done(loop);
      auto story = [](Event& event) -> Task<void> { co_await event.wait(kNever); };
      loop.root().spawn(story(done));
      poster = std::thread([&] { loop.post([&] { done.notify_all(); }); });
      while (loop.root().children() != 0) loop.turn(loop.now());
    }
    backend.reset();
    poster.join();
  }
}

TEST(LoopFd, ClosesThroughTheLoopOnce) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  {
    LoopFd first(loop, Fd(near));
    LoopFd second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(second.get(), near);
    LoopFd third;
    third = std::move(second);
    EXPECT_TRUE(backend.is_open(near));
  }
  EXPECT_FALSE(backend.is_open(near));
}

}  // namespace
}  // namespace remuda::loop
