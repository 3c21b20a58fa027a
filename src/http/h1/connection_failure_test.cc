// SPDX-License-Identifier: Apache-2.0
//
// Every story of a connection under every failure: whichever operation fails, with whatever error, nothing is
// left behind, every exchange is reported once, and no response is sent twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/h1/connection.h"
#include "http/h1/testing/scripted_service.h"
#include "loop/backend/every_failure.h"

namespace remuda::http::h1 {
namespace {

using loop::DeterministicBackend;
using loop::Task;
using std::chrono::seconds;
using testing::Echo;
using ::testing::IsEmpty;
using testing::PiecesBody;
using testing::read_body;
using testing::ReadsRequest;
using testing::ScriptedService;

using Answer = std::function<Task<void>(Exchange&)>;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncontent";
constexpr std::string_view kChunked =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n";
constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

size_t final_responses(std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find("HTTP/1.1 "); at != std::string_view::npos; at = text.find("HTTP/1.1 ", at + 1))
    if (text[at + 9] != '1' || text.substr(at + 9, 3) == "101") ++count;
  return count;
}

// `first` waits at the start, `later` comes after a second; then the client ends its side.
std::vector<std::string> complaints(std::string first, std::string later, const Answer& answer,
                                    size_t buffer = DeterministicBackend::kBufferBytes) {
  return loop::run_under_every_failure([&](DeterministicBackend& backend, loop::Loop& loop) {
    ScriptedService service;
    service.answer = answer;
    Driver driver(loop, service, {});
    const auto [near, far] = backend.connection(buffer);
    backend.put(far, first);
    std::string received;
    for (int i = 1; i < 40; ++i)
      backend.after(std::chrono::milliseconds(250 * i), [&backend, &received, end = far] {
        if (backend.is_open(end)) received += backend.take(end);
      });
    backend.after(seconds(1), [&backend, &later, end = far] {
      backend.put(end, later);
      backend.end_sending(end);
    });
    loop.root().spawn(driver.serve(loop::LoopFd(loop, base::Fd(near)), Address()));
    loop.run();
    received += backend.take(far);
    EXPECT_EQ(driver.connections(), 0U);
    for (const auto& [id, times] : service.times_finished) EXPECT_EQ(times, 1) << "exchange " << id;
    EXPECT_EQ(service.times_finished.size(), service.log.size());
    EXPECT_LE(final_responses(received), service.log.size());
  });
}

Task<void> hello(Exchange& exchange) {
  exchange.response.status = 200;
  exchange.response.content = MemoryContent{"hello"};
  co_return;
}

Task<void> read_and_say(Exchange& exchange) {
  std::string body;
  int error = 0;
  co_await read_body(exchange, body, error);
  exchange.response.status = error == 0 ? 200 : 400;
  exchange.response.content = MemoryContent{"read"};
}

Task<void> stream(Exchange& exchange, std::optional<uint64_t> length, int failure) {
  auto* const body = exchange.keep<PiecesBody>(std::vector<std::string>{"one", "three"}, failure);
  auto* const trailers = exchange.keep<Fields>(exchange.arena);
  trailers->add("X-Check", "good");
  body->trailer_section = trailers;
  exchange.response.status = 200;
  exchange.response.length = length;
  exchange.response.content = StreamContent{body};
  co_return;
}

TEST(ConnectionUnderEveryFailure, Memory) {
  EXPECT_THAT(complaints(std::string(kGet), std::string(kGet), hello), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Pipelined) {
  EXPECT_THAT(complaints(std::string(kGet) + std::string(kGet), "GET / HT", hello), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Refused) {
  EXPECT_THAT(complaints("GET\r\n", std::string(kGet), hello), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, SlowReader) {
  EXPECT_THAT(complaints("GET /", " HTTP/1.1\r\nHost: a\r\n\r\n", hello, 20), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, BodyRead) {
  EXPECT_THAT(complaints(std::string(kPost) + std::string(kGet), std::string(kChunked), read_and_say),
              IsEmpty());
}

TEST(ConnectionUnderEveryFailure, BodyNotRead) {
  EXPECT_THAT(complaints(std::string(kPost) + std::string(kGet), std::string(kChunked), hello), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, BodyOverTwoReads) {
  EXPECT_THAT(complaints("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", std::string(5000, 'x'),
                         read_and_say),
              IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Expect) {
  EXPECT_THAT(complaints(std::string(kExpecting), "body" + std::string(kGet), read_and_say), IsEmpty());
  EXPECT_THAT(complaints(std::string(kExpecting), "body" + std::string(kGet), hello), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Streams) {
  for (const int failure : {0, EPIPE}) {
    for (const std::optional<uint64_t> length : {std::optional<uint64_t>(), {8}, {5}, {9}}) {
      const Answer answer = [&](Exchange& exchange) { return stream(exchange, length, failure); };
      EXPECT_THAT(complaints(std::string(kGet), std::string(kGet), answer), IsEmpty());
      EXPECT_THAT(complaints("GET / HTTP/1.0\r\n\r\n", "", answer), IsEmpty());
      EXPECT_THAT(complaints("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "", answer), IsEmpty());
    }
  }
}

TEST(ConnectionUnderEveryFailure, BothWays) {
  const Answer answer = [](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = StreamContent{exchange.keep<ReadsRequest>(exchange)};
    co_return;
  };
  EXPECT_THAT(complaints("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                         "2\r\nde\r\n0\r\n\r\n" + std::string(kGet.substr(0, 0)), answer),
              IsEmpty());
}

TEST(ConnectionUnderEveryFailure, File) {
  EXPECT_THAT(loop::run_under_every_failure([](DeterministicBackend& backend, loop::Loop& loop) {
                ScriptedService service;
                Driver driver(loop, service, {});
                const int file = backend.file(std::string(30'000, 'x'));
                service.answer = [file](Exchange& exchange) -> Task<void> {
                  exchange.response.status = 200;
                  exchange.response.content = FileContent{.fd = file, .offset = 10, .length = 20'000};
                  co_return;
                };
                const auto [near, far] = backend.connection();
                backend.put(far, kGet);
                backend.end_sending(far);
                loop.root().spawn(driver.serve(loop::LoopFd(loop, base::Fd(near)), Address()));
                loop.run();
                ASSERT_LE(service.log.size(), 1U);
                for (const auto& finished : service.log)
                  EXPECT_EQ(finished.record.complete, backend.take(far).size() > 20'000);
              }),
              IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Inform) {
  const Answer answer = [](Exchange& exchange) -> Task<void> {
    Fields fields(exchange.arena);
    fields.add("Link", "</style.css>; rel=preload");
    co_await exchange.inform(103, fields);
    co_await hello(exchange);
  };
  EXPECT_THAT(complaints(std::string(kGet), std::string(kGet), answer), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Watched) {
  const Answer answer = [](Exchange& exchange) -> Task<void> {
    loop::Scope scope(exchange.loop);
    exchange.watch_client(scope);
    co_await scope.run([](loop::Loop& loop) -> Task<void> {
      co_await loop.sleep_until(loop.now() + seconds(5));
    }(exchange.loop));
    exchange.stop_watching();
    co_await hello(exchange);
  };
  EXPECT_THAT(complaints(std::string(kGet), "", answer), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Takeover) {
  Echo echo;
  const Answer answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 101;
    exchange.response.fields.add("Upgrade", "echo");
    exchange.response.takeover = &echo;
    co_return;
  };
  EXPECT_THAT(
      complaints("POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: "
                 "4\r\n\r\nbodyfirst",
                 "second", answer),
      IsEmpty());
}

TEST(ConnectionUnderEveryFailure, WrongAnswer) {
  const Answer answer = [](Exchange& exchange) -> Task<void> {
    co_await stream(exchange, {}, 0);
    exchange.response.fields.add("X-Bad", "\n");
  };
  EXPECT_THAT(complaints(std::string(kGet), std::string(kGet), answer), IsEmpty());
}

TEST(ConnectionUnderEveryFailure, Drained) {
  EXPECT_THAT(loop::run_under_every_failure([](DeterministicBackend& backend, loop::Loop& loop) {
                ScriptedService service;
                service.answer = hello;
                Driver driver(loop, service, {});
                const auto [near, far] = backend.connection();
                backend.put(far, kGet);
                backend.after(seconds(1), [&] { driver.close_idle(); });
                loop.root().spawn(driver.serve(loop::LoopFd(loop, base::Fd(near)), Address()));
                loop.run();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace remuda::http::h1
