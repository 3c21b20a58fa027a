// SPDX-License-Identifier: Apache-2.0
//
// What a handler can do while it answers: watch whether its client is still there, and send interim
// responses.
#include "http/h1/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "http/h1/testing/imitated_world.h"

namespace remuda::http::h1 {
namespace {

using loop::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::count_of;
using ::testing::EndsWith;
using testing::kGet;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::World;

// --- the client leaves -------------------------------------------------------------------------------------

struct Watched : World {
  Watched() {
    service.answer = [this](Exchange& exchange) { return wait_watched(exchange); };
  }
  Task<void> wait_watched(Exchange& exchange) {
    loop::Scope scope(exchange.loop);
    exchange.watch_client(scope);
    co_await scope.run(sleep(exchange));
    cancelled = scope.cancelled();
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{"late"};
    if (stops_watching) exchange.stop_watching();
  }
  Task<void> sleep(Exchange& exchange) {
    co_await exchange.loop.sleep_until(exchange.loop.now() + seconds(9));
    slept = elapsed();
  }
  bool stops_watching = true;
  int cancelled = 0;
  loop::Duration slept{};
};

TEST(WatchedClient, ThatResetsCancelsTheHandler) {
  Watched world;
  world.backend.put(world.far, kGet);
  world.backend.after(seconds(3), [&] { world.backend.reset(world.far); });
  world.run();
  EXPECT_EQ(world.cancelled, ECONNRESET);
  EXPECT_EQ(world.slept, seconds(3));
  EXPECT_THAT(world.service.log, SizeIs(1));
}

TEST(WatchedClient, ThatClosesIsFoundOut) {
  Watched world;
  world.backend.put(world.far, kGet);
  world.backend.after(seconds(3), [&] { world.backend.close(world.far); });
  world.start();
  world.loop.run();
  EXPECT_EQ(world.cancelled, ECONNRESET);
  EXPECT_LE(world.slept, seconds(6));
}

TEST(WatchedClient, ThatIsHalfClosedGetsItsAnswer) {
  Watched world;
  const std::string response = world.serve(kGet);
  EXPECT_EQ(world.cancelled, 0);
  EXPECT_EQ(count_of("HTTP/1.1 100 Continue\r\n\r\n", response), 4U);
  EXPECT_THAT(response, EndsWith("late"));
}

TEST(WatchedClient, ThatIsThereIsNotAsked) {
  Watched world;
  world.stops_watching = false;
  world.backend.put(world.far, kGet);
  world.backend.after(seconds(20), [&] { world.backend.end_sending(world.far); });
  EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 200"));
}

TEST(WatchedClient, OfHttp10IsNotAsked) {
  Watched world;
  EXPECT_THAT(world.serve("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(WatchedClient, ThatHadLeftBeforeCancelsAtOnce) {
  World world;
  int cancelled = 0;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    loop::Scope first(exchange.loop);
    exchange.watch_client(first);
    exchange.stop_watching();
    co_await exchange.loop.sleep_until(exchange.loop.now() + seconds(5));
    loop::Scope second(exchange.loop);
    exchange.watch_client(second);
    cancelled = second.cancelled();
    exchange.stop_watching();
    exchange.response.status = 200;
  };
  world.backend.put(world.far, kGet);
  world.backend.after(seconds(1), [&] { world.backend.reset(world.far); });
  world.run();
  EXPECT_EQ(cancelled, ECONNRESET);
}

// --- interim responses -------------------------------------------------------------------------------------

TEST(Inform, ComesBeforeTheResponseAndCounts) {
  World world;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    Fields fields(exchange.arena);
    fields.add("Link", "</style.css>; rel=preload");
    co_await exchange.inform(103, fields);
    co_await world.hello(exchange);
  };
  const std::string response = world.serve(kGet);
  EXPECT_THAT(response,
              StartsWith("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200"));
  EXPECT_EQ(world.service.log.at(0).record.bytes_sent, response.size());
  EXPECT_EQ(world.service.log.at(0).record.body_bytes_sent, 5U);
}

TEST(Inform, MaySayMuchAndNotTooMuch) {
  const std::string link = "</" + std::string(30'000, 'a') + ">";
  for (const size_t links : {2, 3}) {
    World world;
    int error = 0;
    world.service.answer = [&](Exchange& exchange) -> Task<void> {
      Fields fields(exchange.arena);
      for (size_t i = 0; i < links; ++i) fields.add("Link", link);
      const auto informed = co_await exchange.inform(103, fields);
      if (!informed) error = informed.error().code;
      co_await world.hello(exchange);
    };
    const std::string response = world.serve(kGet);
    EXPECT_EQ(count_of(link, response), links == 2 ? 2U : 0U);
    EXPECT_EQ(error, links == 2 ? 0 : EMSGSIZE);
    EXPECT_THAT(response, EndsWith("hello"));
  }
}

TEST(Inform, SaysNothingToHttp10) {
  World world;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    co_await exchange.inform(103, Fields(exchange.arena));
    co_await world.hello(exchange);
  };
  EXPECT_THAT(world.serve("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

// The invitation waits for room while the handler has already answered: the response comes after it, whole.
TEST(Inform, UnderWayIsWaitedFor) {
  World world({}, 10);
  Task<void> pump;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    auto* const scope = exchange.keep<loop::Scope>(exchange.loop);
    scope->spawn([](Exchange& its) -> Task<void> {
      Fields fields(its.arena);
      co_await its.inform(103, fields);
    }(exchange));
    co_await world.hello(exchange);
  };
  world.backend.after(seconds(0), [&] { world.backend.put(world.far, "GET / HTTP"); });
  world.backend.after(milliseconds(1), [&] { world.backend.put(world.far, "/1.1\r\nHost"); });
  world.backend.after(milliseconds(2), [&] { world.backend.put(world.far, ": a\r\n\r\n"); });
  std::string all;
  for (int i = 0; i < 200; ++i)
    world.backend.after(milliseconds(100 + i), [&] { all += world.backend.take(world.far); });
  world.backend.after(seconds(9), [&] { world.backend.end_sending(world.far); });
  world.run();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(all, EndsWith("hello"));
}

}  // namespace
}  // namespace remuda::http::h1
