// SPDX-License-Identifier: Apache-2.0
//
// The story of a connection: one request after the other, heads that are wrong, slow or cut off, and
// draining. (Bodies: request_body_test.cc. Responses: response_sender_test.cc. Under failures:
// connection_failure_test.cc.)
#include "http/h1/connection.h"

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
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kGet;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::without_dates;
using testing::World;

// --- one request after the other ---------------------------------------------------------------------------

TEST(Connection, AnswersARequest) {
  World world;
  EXPECT_EQ(without_dates(world.serve(kGet)), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_THAT(world.service.log, SizeIs(1));
  const Finished& finished = world.service.log[0];
  EXPECT_EQ(finished.target, "/a");
  EXPECT_EQ(finished.record.status, 200);
  EXPECT_TRUE(finished.record.complete);
  EXPECT_EQ(finished.record.body_bytes_sent, 5U);
  EXPECT_EQ(finished.record.bytes_received, 0U);
}

TEST(Connection, CountsTheBytesOfTheHeadToo) {
  World world;
  const std::string response = world.serve(kGet);
  EXPECT_EQ(world.service.log.at(0).record.bytes_sent, response.size());
}

TEST(Connection, KeepsTheConnectionForRequestsThatComeLater) {
  World world;
  world.backend.put(world.far, kGet);
  std::string first;
  world.backend.after(seconds(5), [&] {
    first = world.backend.take(world.far);
    world.backend.put(world.far, kGet);
    world.backend.end_sending(world.far);
  });
  EXPECT_THAT(world.run(), EndsWith("hello"));
  EXPECT_THAT(first, EndsWith("hello"));
  EXPECT_THAT(world.service.log, SizeIs(2));
}

TEST(Connection, AnswersPipelinedRequestsInOrder) {
  World world;
  world.service.answer = [](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{exchange.request.query};
    co_return;
  };
  std::string requests;
  std::string expected;
  for (int i = 0; i < 400; ++i) {
    requests += "GET /?" + std::to_string(i) + " HTTP/1.1\r\nHost: example\r\n\r\n";
    expected += "\r\n\r\n" + std::to_string(i);
  }
  const std::string responses = world.serve(requests);
  EXPECT_THAT(world.service.log, SizeIs(400));
  std::string bodies;
  for (size_t at = responses.find("\r\n\r\n"); at != std::string::npos;
       at = responses.find("\r\n\r\n", at + 1))
    bodies += responses.substr(at, responses.find("HTTP", at) - at);
  EXPECT_EQ(bodies, expected);
}

TEST(Connection, TakesAHeadByteByByte) {
  World world;
  world.backend.set_largest_transfer(1);
  EXPECT_THAT(world.serve(kGet), EndsWith("hello"));
}

TEST(Connection, TakesAHeadThatOutgrowsTheBuffer) {
  World world;
  std::string request = "GET /a HTTP/1.1\r\nHost: example\r\n";
  for (int i = 0; i < 20; ++i) request += "X-Field: " + std::string(1000, 'x') + "\r\n";
  request += "\r\n";
  EXPECT_THAT(world.serve(request + request), EndsWith("hello"));
  ASSERT_THAT(world.service.log, SizeIs(2));
  EXPECT_EQ(world.service.log[1].host, "example");
}

TEST(Connection, ClosesWhenTheClientAsksForIt) {
  World world;
  world.backend.put(world.far, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(world.run(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(world.elapsed(), seconds(0));
}

TEST(Connection, ClosesAfterHttp10UnlessItIsToBeKept) {
  World world;
  world.backend.put(world.far, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(world.elapsed(), seconds(0));

  World kept;
  const std::string both = kept.serve(
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(count_of("Connection: keep-alive\r\n", both), 2U);
}

TEST(Connection, LingersWhenTheServerWantsToClose) {
  World world;
  world.service.close_after_response = true;
  world.backend.put(world.far, kGet);
  world.backend.after(seconds(1), [&] { world.backend.put(world.far, kGet); });
  EXPECT_THAT(world.run(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(world.elapsed(), seconds(2));
  EXPECT_FALSE(world.backend.is_reset(world.far));
  EXPECT_THAT(world.service.log, SizeIs(1));
}

TEST(Connection, AnswersHeadWithoutContent) {
  World world;
  EXPECT_EQ(without_dates(world.serve("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
}

TEST(Connection, SaysNothingToAClientThatSaysNothing) {
  World world;
  EXPECT_EQ(world.run(), "");
  EXPECT_EQ(world.elapsed(), seconds(60));
  EXPECT_THAT(world.service.log, IsEmpty());
}

TEST(Connection, ClosesAnIdleConnectionInTime) {
  World world;
  world.backend.put(world.far, kGet);
  EXPECT_THAT(world.run(), EndsWith("hello"));
  EXPECT_EQ(world.elapsed(), seconds(75));
  EXPECT_THAT(world.service.log, SizeIs(1));
}

// --- heads that are wrong, slow, or cut off ----------------------------------------------------------------

TEST(Connection, RefusesAndNeverReadsOn) {
  World world;
  const std::string response =
      world.serve("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(response, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(count_of("HTTP/1.1", response), 1U);
  ASSERT_THAT(world.service.log, SizeIs(1));
  EXPECT_FALSE(world.service.log[0].trouble.empty());
}

TEST(Connection, LingersAfterARefusal) {
  World world;
  world.backend.put(world.far, "BAD\r\n");
  for (int i = 1; i < 10; ++i)
    world.backend.after(milliseconds(300 * i), [&] { world.backend.put(world.far, kGet); });
  EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(world.elapsed(), seconds(2));
  EXPECT_THAT(world.service.log, SizeIs(1));
}

TEST(Connection, GivesAHeadItsTimeAsAWhole) {
  World world;
  std::string slow = "GET / HTTP/1.1\r\nX: ";
  world.backend.put(world.far, slow);
  for (int i = 1; i < 30; ++i) world.backend.after(seconds(i), [&] { world.backend.put(world.far, "T"); });
  EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(world.elapsed(), seconds(15 + 2));
  EXPECT_EQ(world.service.log.at(0).record.status, 408);
}

TEST(Connection, ClosesSilentlyOnAnEmptyLineAlone) {
  World world;
  world.backend.put(world.far, "\r\n");
  EXPECT_EQ(world.run(), "");
  EXPECT_THAT(world.service.log, IsEmpty());
}

TEST(Connection, LogsAHeadThatWasCutOff) {
  World world;
  EXPECT_EQ(world.serve("GET / HTTP/1.1\r\nHos"), "");
  ASSERT_THAT(world.service.log, SizeIs(1));
  EXPECT_EQ(world.service.log[0].record.status, 0);
  EXPECT_FALSE(world.service.log[0].record.complete);
  EXPECT_THAT(world.service.log[0].trouble, HasSubstr("left"));
}

TEST(Connection, AnswersNobodyWhoHasLeft) {
  World world;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    loop::Scope waiting(exchange.loop);
    exchange.watch_client(waiting);
    co_await exchange.loop.sleep_until(exchange.loop.now() + seconds(5));
    exchange.stop_watching();
    exchange.response.status = 503;
  };
  world.backend.put(world.far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  world.backend.after(seconds(1), [&] { world.backend.reset(world.far); });
  world.run();
  ASSERT_THAT(world.service.log, SizeIs(1));
  EXPECT_EQ(world.service.log[0].record.status, 0);
  EXPECT_FALSE(world.service.log[0].record.complete);
  EXPECT_THAT(world.service.log[0].trouble, HasSubstr("left"));
}

// --- drain -------------------------------------------------------------------------------------------------

TEST(Drain, ClosesIdleConnections) {
  World world;
  world.backend.put(world.far, kGet);
  world.backend.after(seconds(5), [&] { world.driver->close_idle(); });
  EXPECT_THAT(world.run(), EndsWith("hello"));
  EXPECT_EQ(world.elapsed(), seconds(5));
}

TEST(Drain, StillAnswersWhatHasJustArrived) {
  World world;
  world.backend.after(seconds(5), [&] {
    world.driver->close_idle();
    world.backend.put(world.far, kGet);
  });
  const std::string response = world.run();
  EXPECT_THAT(response, EndsWith("hello"));
  EXPECT_THAT(response, HasSubstr("Connection: close"));
}

TEST(Drain, ClosesTheOldestIdleConnectionFirst) {
  World world;
  const auto [second, second_far] = world.backend.connection();
  world.start();
  world.backend.after(seconds(1), [&, near = second] {
    world.loop.root().spawn(world.driver->serve(loop::LoopFd(world.loop, base::Fd(near)), Address()));
  });
  world.backend.after(seconds(5), [&] { world.driver->close_oldest_idle(seconds(10)); });
  world.backend.after(seconds(12),
                      [&] { world.loop.post([&] { world.driver->close_oldest_idle(seconds(10)); }); });
  bool first_open = true;
  bool second_open = false;
  world.backend.after(seconds(13), [&, near = second] {
    first_open = world.backend.is_open(world.near);
    second_open = world.backend.is_open(near);
  });
  world.loop.run();
  EXPECT_FALSE(first_open);
  EXPECT_TRUE(second_open);
}

}  // namespace
}  // namespace remuda::http::h1
