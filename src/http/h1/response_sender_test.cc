// SPDX-License-Identifier: Apache-2.0
//
// Responses on a connection: streams of known and unknown length, files, clients that read slowly, and
// handlers that answer wrongly.
#include "http/h1/response_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "http/h1/testing/imitated_world.h"

namespace remuda::http::h1 {
namespace {

using loop::Task;
using std::chrono::seconds;
using testing::count_of;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::kGet;
using ::testing::Not;
using testing::PiecesBody;
using testing::ReadsRequest;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::without_dates;
using testing::World;

// --- streams -----------------------------------------------------------------------------------------------

struct Stream : World {
  explicit Stream(std::vector<std::string> pieces, int failure = 0) {
    service.answer = [this, pieces = std::move(pieces), failure](Exchange& exchange) {
      return stream(exchange, pieces, failure);
    };
  }
  Task<void> stream(Exchange& exchange, const std::vector<std::string>& pieces, int failure) {
    auto* const body = exchange.keep<PiecesBody>(pieces, failure);
    body->stops = &stops;
    body->is_ready = is_ready;
    if (with_trailers) {
      auto* const section = exchange.keep<Fields>(exchange.arena);
      section->add("X-Check", "good");
      body->trailer_section = section;
    }
    exchange.response.status = status;
    exchange.response.length = length;
    exchange.response.raw = raw;
    exchange.response.content = StreamContent{body};
    co_return;
  }
  std::optional<uint64_t> length;
  int status = 200;
  bool is_ready = false;
  bool with_trailers = false;
  bool raw = false;
  int stops = 0;
};

TEST(StreamResponse, IsChunkedWhenItsLengthIsNotKnown) {
  Stream world({"one", "three"});
  EXPECT_EQ(without_dates(world.serve(kGet)),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n");
  EXPECT_EQ(world.service.log.at(0).record.body_bytes_sent, 8U);
  EXPECT_EQ(world.stops, 0);
}

TEST(StreamResponse, GoesOutWithItsHeadWhenItIsReady) {
  Stream world({"one"});
  world.is_ready = true;
  EXPECT_THAT(world.serve(kGet), EndsWith("\r\n\r\n3\r\none\r\n0\r\n\r\n"));
}

TEST(StreamResponse, MayHaveTrailers) {
  Stream world({"one"});
  world.with_trailers = true;
  EXPECT_THAT(world.serve(kGet), EndsWith("3\r\none\r\n0\r\nX-Check: good\r\n\r\n"));
}

TEST(StreamResponse, EndsWithTheConnectionForHttp10) {
  Stream world({"one", "three"});
  world.backend.put(world.far, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(world.run(), EndsWith("\r\n\r\nonethree"));
}

TEST(StreamResponse, OfKnownLengthKeepsTheConnection) {
  Stream world({"one", "three"});
  world.length = 8;
  const std::string responses = world.serve(std::string(kGet) + std::string(kGet));
  EXPECT_EQ(count_of("Content-Length: 8\r\n\r\nonethree", responses), 2U);
  EXPECT_EQ(world.stops, 2) << "nobody waits for its end";
}

TEST(StreamResponse, OfLengthZero) {
  Stream world({});
  world.length = 0;
  world.is_ready = true;
  EXPECT_THAT(world.serve(kGet), EndsWith("Content-Length: 0\r\n\r\n"));
}

TEST(StreamResponse, LongerThanItsLengthIsCut) {
  Stream world({"one", "three", std::string(300'000, 'x'), "y"});
  world.length = 5;
  const std::string responses = world.serve(std::string(kGet) + std::string(kGet));
  EXPECT_EQ(count_of("Content-Length: 5\r\n\r\noneth", responses), 2U);
  EXPECT_EQ(world.stops, 2);
}

TEST(StreamResponse, ShorterThanItsLengthAbortsTheConnection) {
  Stream world({"one"});
  world.length = 8;
  const std::string response = world.serve(std::string(kGet) + std::string(kGet));
  EXPECT_THAT(response, EndsWith("\r\n\r\none"));
  EXPECT_EQ(count_of("HTTP/1.1 ", response), 1U);
  EXPECT_FALSE(world.service.log.at(0).record.complete);
}

TEST(StreamResponse, ThatFailsNeverSendsTheLastChunk) {
  Stream world({"one"}, EPIPE);
  const std::string response = world.serve(std::string(kGet) + std::string(kGet));
  EXPECT_THAT(response, EndsWith("3\r\none\r\n"));
  EXPECT_EQ(world.service.log.at(0).trouble, "the application broke off");
  EXPECT_EQ(world.stops, 1);
}

TEST(StreamResponse, ThatFailsIsExplainedByItsHandler) {
  for (const bool is_ready : {true, false}) {
    Stream world({"one"}, EPIPE);
    const auto streamed = world.service.answer;
    world.is_ready = is_ready;
    world.service.answer = [&](Exchange& exchange) -> Task<void> {
      exchange.trouble = "killed by SIGSEGV";
      co_await streamed(exchange);
    };
    world.serve(kGet);
    EXPECT_EQ(world.service.log.at(0).trouble, "killed by SIGSEGV");
  }
}

TEST(StreamResponse, ToHeadIsNotRead) {
  const std::string head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const auto length : {std::optional<uint64_t>(), std::optional<uint64_t>(8)}) {
    Stream world({"one"}, EPIPE);
    world.length = length;
    const std::string expected =
        length ? "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n";
    EXPECT_EQ(without_dates(world.serve(head + head)), expected + expected);
    EXPECT_EQ(world.stops, 2);
    EXPECT_TRUE(world.service.log.at(1).record.complete);
  }
}

TEST(StreamResponse, Of304HasALengthAndNoContent) {
  for (const auto length : {std::optional<uint64_t>(), std::optional<uint64_t>(8)}) {
    Stream world({"one"}, EPIPE);
    world.status = 304;
    world.length = length;
    const std::string responses = without_dates(world.serve(std::string(kGet) + std::string(kGet)));
    const std::string_view head = length ? "HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\n"
                                         : "HTTP/1.1 304 Not Modified\r\n\r\n";
    EXPECT_EQ(responses, std::string(head) + std::string(head));
  }
}

TEST(MemoryResponse, Of304SaysNothingOfItsLength) {
  World world;
  world.service.answer = [](Exchange& exchange) -> Task<void> {
    exchange.response.status = 304;
    exchange.response.content = MemoryContent{"not for the client"};
    co_return;
  };
  EXPECT_EQ(without_dates(world.serve(kGet)), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST(StreamResponse, Of204HasNoContent) {
  Stream world({"one"});
  world.status = 204;
  world.length = 8;
  const std::string response = world.serve(kGet);
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(response, Not(HasSubstr("Transfer-Encoding")));
}

TEST(StreamResponse, RawBringsItsOwnHead) {
  Stream world({"HTTP/1.1 200 Fine\r\n\r\n", "content"});
  world.raw = true;
  world.backend.put(world.far, kGet);
  EXPECT_EQ(world.run(), "HTTP/1.1 200 Fine\r\n\r\ncontent");
}

TEST(StreamResponse, OfABidirectionalHandlerFlowsBothWays) {
  World world;
  world.service.answer = [](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = StreamContent{exchange.keep<ReadsRequest>(exchange)};
    co_return;
  };
  world.backend.put(world.far,
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  std::string early;
  world.backend.after(seconds(1), [&] {
    early = world.backend.take(world.far);
    world.backend.put(world.far, "2\r\nde\r\n0\r\n\r\n" + std::string("GET /second HTTP/1.1\r\n"));
    world.backend.end_sending(world.far);
  });
  const std::string late = world.run();
  EXPECT_THAT(early, EndsWith("\r\n\r\n3\r\nabc\r\n"));
  EXPECT_EQ(late, "2\r\nde\r\n0\r\n\r\n");
}

// --- files -------------------------------------------------------------------------------------------------

TEST(FileResponse, IsSentInPieces) {
  World world({}, size_t{4} << 20);
  std::string content;
  for (int i = 0; i < 300'000; ++i) content += std::to_string(i % 10);
  const int file = world.backend.file("junk" + content + content + content + "more");
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = FileContent{.fd = file, .offset = 4, .length = 900'000};
    co_return;
  };
  const std::string responses = world.serve(std::string(kGet) + std::string(kGet));
  EXPECT_EQ(count_of("Content-Length: 900000\r\n\r\n0123456789", responses), 2U);
  EXPECT_THAT(responses, EndsWith(content));
  EXPECT_EQ(world.service.log.at(0).record.body_bytes_sent, 900'000U);
}

TEST(FileResponse, ThatShrinksAbortsTheConnection) {
  World world;
  const int file = world.backend.file("short");
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = FileContent{.fd = file, .offset = 0, .length = 100};
    co_return;
  };
  const std::string response = world.serve(std::string(kGet) + std::string(kGet));
  EXPECT_THAT(response, EndsWith("\r\n\r\nshort"));
  EXPECT_THAT(world.service.log, SizeIs(1));
  EXPECT_FALSE(world.service.log[0].record.complete);
}

// --- readers -----------------------------------------------------------------------------------------------

TEST(SlowReader, IsGivenUp) {
  World world({}, 1000);
  const std::string content(100'000, 'x');
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{content};
    co_return;
  };
  world.backend.put(world.far, kGet);
  world.run();
  EXPECT_EQ(world.elapsed(), seconds(30));
  EXPECT_FALSE(world.service.log.at(0).record.complete);
  EXPECT_EQ(world.service.log.at(0).trouble, "the client read too slowly");
}

TEST(SlowReader, TakingAByteNowAndThenIsGivenUp) {
  World world({}, 1000);
  const std::string content(100'000, 'x');
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{content};
    co_return;
  };
  world.backend.put(world.far, kGet);
  for (int i = 1; i < 300; ++i) world.backend.after(seconds(i), [&] { world.backend.take(world.far, 1); });
  world.run();
  EXPECT_LT(world.elapsed(), seconds(60));
  EXPECT_FALSE(world.service.log.at(0).record.complete);
}

TEST(SlowReader, FastEnoughGetsEverything) {
  World world({}, 1000);
  const std::string content(100'000, 'x');
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{content};
    co_return;
  };
  world.backend.put(world.far, kGet);
  size_t taken = 0;
  for (int i = 1; i < 150; ++i)
    world.backend.after(seconds(i), [&] {
      if (world.backend.is_open(world.far)) taken += world.backend.take(world.far).size();
    });
  world.run();
  EXPECT_GT(taken, content.size());
  EXPECT_TRUE(world.service.log.at(0).record.complete);
}

// --- handlers that answer wrongly --------------------------------------------------------------------------

TEST(WrongAnswer, BecomesAnError) {
  for (const int status : {0, 103, 101, 1000}) {
    World world;
    world.service.answer = [&](Exchange& exchange) -> Task<void> {
      exchange.response.status = status;
      co_return;
    };
    EXPECT_THAT(world.serve(kGet), StartsWith("HTTP/1.1 500 ")) << status;
    EXPECT_FALSE(world.service.log.at(0).trouble.empty());
  }
}

TEST(WrongAnswer, WithALineEndInAFieldBecomesAnError) {
  World world;
  int stops = 0;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.fields.add("X-Bad", "a\r\nSet-Cookie: b");
    auto* const body = exchange.keep<PiecesBody>(std::vector<std::string>{"one"});
    body->stops = &stops;
    exchange.response.content = StreamContent{body};
    co_return;
  };
  const std::string response = world.serve(kGet);
  EXPECT_THAT(response, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(response, Not(HasSubstr("Set-Cookie")));
  EXPECT_EQ(stops, 1);
}

TEST(WrongAnswer, ReleasesItsHolder) {
  struct Counter final : Holder {
    void hold() override { ++count; }
    void release() override { --count; }
    int count = 1;
  };
  for (const int status : {0, 200, 1000}) {
    Counter counter;
    World world;
    world.service.answer = [&](Exchange& exchange) -> Task<void> {
      exchange.response.status = status;
      exchange.response.holder = &counter;
      co_return;
    };
    world.serve(kGet);
    EXPECT_EQ(counter.count, 0) << status;
  }
}

}  // namespace
}  // namespace remuda::http::h1
