// SPDX-License-Identifier: Apache-2.0
//
// Calls on other threads: their results come back to the story's own loop, the queue is bounded, and a
// cancelled story waits for a call that has begun.
#include "loop/offload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <thread>

#include "loop/backend/deterministic.h"
#include "loop/backend/epoll.h"

namespace remuda::loop {
namespace {

using base::Result;

class OffloadTest : public testing::Test {
 protected:
  std::unique_ptr<EpollBackend> backend_ = std::move(EpollBackend::create().value());
  Loop loop_{*backend_};
};

Task<void> square(Offload& offload, Loop& loop, int number, int& into, std::thread::id& where) {
  const Result<int> got = co_await offload.run(loop, [&]() -> Result<int> {
    where = std::this_thread::get_id();
    return number * number;
  });
  into = got ? *got : -got.error().code;
}

TEST_F(OffloadTest, RunsElsewhereAndGoesOnHere) {
  Offload offload(2, 10);
  int result = 0;
  std::thread::id where;
  loop_.root().spawn(square(offload, loop_, 7, result, where));
  loop_.run();
  EXPECT_EQ(result, 49);
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST_F(OffloadTest, WithoutThreadsRunsHereAndAtOnce) {
  Offload offload(0, 0);
  int result = 0;
  std::thread::id where;
  loop_.root().spawn(square(offload, loop_, 7, result, where));
  EXPECT_EQ(result, 49);
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(OffloadTest, ErrorsComeBack) {
  Offload offload(1, 10);
  Result<int> result;
  auto story = [](Offload& its_offload, Loop& loop, Result<int>& into) -> Task<void> {
    into = co_await its_offload.run(loop, []() -> Result<int> { return base::failure(ENOENT, "open"); });
  };
  loop_.root().spawn(story(offload, loop_, result));
  loop_.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ENOENT);
  EXPECT_STREQ(result.error().what, "open");
}

Task<void> hold(Offload& offload, Loop& loop, std::binary_semaphore& go, std::atomic<int>& begun, int& into) {
  const Result<int> got = co_await offload.run(loop, [&]() -> Result<int> {
    ++begun;
    go.acquire();
    go.release();
    return 1;
  });
  into = got ? *got : -got.error().code;
}

TEST_F(OffloadTest, AFullQueueIsBusyAtOnce) {
  Offload offload(1, 2);
  std::binary_semaphore go(0);
  std::atomic<int> begun = 0;
  int running = 0;
  int queued[2] = {};
  int refused = 0;
  loop_.root().spawn(hold(offload, loop_, go, begun, running));
  while (begun == 0) std::this_thread::yield();
  for (int& each : queued) loop_.root().spawn(hold(offload, loop_, go, begun, each));
  loop_.root().spawn(hold(offload, loop_, go, begun, refused));
  EXPECT_EQ(refused, -EBUSY);
  go.release();
  loop_.run();
  EXPECT_EQ(running, 1);
  EXPECT_EQ(queued[0], 1);
  EXPECT_EQ(queued[1], 1);
  EXPECT_EQ(begun, 3);
}

TEST_F(OffloadTest, CancellationWaitsForTheCall) {
  Offload offload(1, 2);
  std::binary_semaphore go(0);
  std::atomic<int> begun = 0;
  int result = 0;
  loop_.root().spawn(hold(offload, loop_, go, begun, result));
  while (begun == 0) std::this_thread::yield();
  loop_.root().cancel();
  loop_.turn(loop_.now());
  EXPECT_EQ(loop_.root().children(), 1U);
  go.release();
  loop_.run();
  EXPECT_EQ(result, 1);
}

TEST_F(OffloadTest, UnderACancelledScopeNothingRuns) {
  Offload offload(0, 2);
  int result = 0;
  std::thread::id where;
  loop_.root().cancel();
  loop_.root().spawn(square(offload, loop_, 7, result, where));
  EXPECT_EQ(result, -ECANCELED);
  EXPECT_EQ(where, std::thread::id());
}

// Several loops share the threads; every loop ends and is destroyed as soon as its last call is back.
TEST(Offload, ServesSeveralLoops) {
  Offload offload(3, 1000);
  std::atomic<int> total = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        auto backend = std::move(EpollBackend::create().value());
        Loop loop(*backend);
        std::thread::id where;
        int results[4] = {};
        for (int& result : results) {
          auto story = [](Offload& its_offload, Loop& its_loop, int& into) -> Task<void> {
            const Result<int> got = co_await its_offload.run(its_loop, []() -> Result<int> { return 1; });
            into = got.value_or(0);
          };
          loop.root().spawn(story(offload, loop, result));
        }
        loop.run();
        for (const int result : results) total += result;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, 4 * 50 * 4);
}

}  // namespace
}  // namespace remuda::loop
