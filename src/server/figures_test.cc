// SPDX-License-Identifier: Apache-2.0
//
// What loops count, added up: while they run, when they have ended, and while somebody else looks.
#include "server/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "loop/backend/deterministic.h"
#include "server/gate.h"

namespace remuda::server {
namespace {

using testing::ElementsAre;

http::Record record_of(int status) {
  http::Record record;
  record.status = status;
  record.bytes_received = 3;
  record.bytes_sent = 100;
  return record;
}

// What a loop has.
struct OneLoop {
  explicit OneLoop(Figures& figures) : seat(figures, requests, gate) {}
  loop::DeterministicBackend backend;
  loop::Loop loop{backend};
  Gate gate{loop, 10};
  RequestCounters requests;
  Figures::Seat seat;
};

TEST(Figures, CountsByClass) {
  Figures figures;
  OneLoop one(figures);
  for (const int status : {0, 101, 200, 204, 304, 404, 503, 599, 999}) one.requests.count(record_of(status));
  const FiguresTotal total = figures.total();
  EXPECT_THAT(total.requests, ElementsAre(1, 1, 2, 1, 1, 3));
  EXPECT_EQ(total.bytes_received, 27U);
  EXPECT_EQ(total.bytes_sent, 900U);
  EXPECT_EQ(total.loops, 1U);
}

TEST(Figures, KnowsOpenConnectionsAndThoseThatWere) {
  Figures figures;
  OneLoop one(figures);
  OneLoop other(figures);
  one.gate.enter();
  one.gate.enter();
  one.gate.leave();
  other.gate.enter();
  EXPECT_EQ(figures.total().connections, 2U);
  EXPECT_EQ(figures.total().accepted, 3U);
}

TEST(Figures, ALoopThatHasEndedStaysInTheSums) {
  Figures figures;
  {
    OneLoop one(figures);
    one.gate.enter();
    one.gate.leave();
    one.requests.count(record_of(200));
  }
  const FiguresTotal total = figures.total();
  EXPECT_EQ(total.loops, 0U);
  EXPECT_EQ(total.accepted, 1U);
  EXPECT_EQ(total.connections, 0U);
  EXPECT_EQ(total.requests[2], 1U);
}

TEST(Figures, AreReadWhileLoopsCount) {
  Figures figures;
  constexpr uint64_t kRequests = 10'000;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&figures] {
      OneLoop mine(figures);
      for (uint64_t n = 0; n < kRequests; ++n) {
        mine.gate.enter();
        mine.requests.count(record_of(200));
        mine.gate.leave();
      }
    });
  }
  for (uint64_t before = 0; before < kRequests;) {
    const uint64_t now = figures.total().requests[2];
    ASSERT_GE(now, before);
    before = now;
  }
  threads.clear();
  EXPECT_EQ(figures.total().requests[2], 3 * kRequests);
  EXPECT_EQ(figures.total().accepted, 3 * kRequests);
}

}  // namespace
}  // namespace remuda::server
