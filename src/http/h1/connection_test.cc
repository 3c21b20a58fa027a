// SPDX-License-Identifier: Apache-2.0
//
// The story of a connection in an imitated world: what goes in, what comes out, when it closes, and what the
// log hears. Deadlines pass on a made-up clock. (Under failures: connection_failure_test.cc.)
#include "http/h1/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "http/h1/testing/scripted_service.h"
#include "loop/backend/deterministic.h"

namespace remuda::http::h1 {
namespace {

using loop::DeterministicBackend;
using loop::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::PiecesBody;
using testing::read_body;
using testing::ScriptedService;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: example\r\n\r\n";

struct World {
  explicit World(Options options = {}, size_t buffer = DeterministicBackend::kBufferBytes) {
    std::tie(near, far) = [&] {
      const auto ends = backend.connection(buffer);
      return std::pair(ends.near, ends.far);
    }();
    options.server_name = "";
    driver.emplace(loop, service, options);
    service.answer = [this](Exchange& exchange) { return hello(exchange); };
  }

  Task<void> hello(Exchange& exchange) {
    ++handled;
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{"hello"};
    co_return;
  }

  void start() { loop.root().spawn(driver->serve(loop::LoopFd(loop, base::Fd(near)), Address())); }
  // Serves `request` and then the client's end of sending, to the end of the connection.
  std::string serve(std::string_view request) {
    EXPECT_EQ(backend.put(far, request), request.size());
    backend.end_sending(far);
    return run();
  }
  std::string run() {
    start();
    loop.run();
    EXPECT_FALSE(backend.was_stuck());
    EXPECT_EQ(driver->connections(), 0U);
    EXPECT_EQ(backend.open_descriptors(), 0U);
    for (const auto& [id, times] : service.times_finished) EXPECT_EQ(times, 1) << "exchange " << id;
    return backend.take(far);
  }
  loop::Duration elapsed() { return backend.now() - began; }
  // What the client has received at some time.
  void look_after(loop::Duration delay, std::string& into) {
    backend.after(delay, [this, &into] { into = backend.take(far); });
  }

  DeterministicBackend backend;
  loop::Loop loop{backend};
  ScriptedService service;
  std::optional<Driver> driver;
  int near = -1;
  int far = -1;
  int handled = 0;
  loop::Time began = backend.now();
};

std::string without_dates(std::string text) {
  for (size_t at = text.find("Date: "); at != std::string::npos; at = text.find("Date: ", at))
    text.erase(at, text.find("\r\n", at) + 2 - at);
  return text;
}

size_t count_of(std::string_view what, std::string_view in) {
  size_t count = 0;
  for (size_t at = in.find(what); at != std::string_view::npos; at = in.find(what, at + 1)) ++count;
  return count;
}

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

// --- bodies of requests ------------------------------------------------------------------------------------

struct Upload : World {
  explicit Upload(Options options = {}, size_t buffer = DeterministicBackend::kBufferBytes)
      : World(options, buffer) {
    service.answer = [this](Exchange& exchange) { return read_and_say(exchange); };
  }
  Task<void> read_and_say(Exchange& exchange) {
    ++handled;
    body.clear();
    error = 0;
    co_await read_body(exchange, body, error, buffer_bytes);
    target = exchange.request.target;
    field = exchange.request.fields.get(KnownName::kUserAgent);
    if (exchange.request.body != nullptr && exchange.request.body->trailers() != nullptr)
      trailer = exchange.request.body->trailers()->all()[0].value;
    exchange.response.status = error == 0 ? 200 : 400;
    exchange.response.content = MemoryContent{"read"};
  }
  std::string body;
  std::string target;
  std::string field;
  std::string trailer;
  int error = 0;
  size_t buffer_bytes = 1000;
};

TEST(RequestBody, OfKnownLength) {
  Upload world;
  const std::string responses = world.serve(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncontentGET /next HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  EXPECT_EQ(count_of("200 OK", responses), 2U);
  EXPECT_EQ(world.service.log.at(0).record.bytes_received, 7U);
  EXPECT_EQ(world.target, "/next");
}

TEST(RequestBody, ChunkedWithTrailersAndTheNextRequestBehind) {
  Upload world;
  std::string body;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    co_await world.read_and_say(exchange);
    if (exchange.request.method == "POST") body = world.body;
  };
  const std::string responses = world.serve(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n"
      "X-Check: good\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(count_of("200 OK", responses), 2U);
  EXPECT_EQ(body, "abcdefg");
  EXPECT_EQ(world.trailer, "good");
  EXPECT_EQ(world.target, "/next");
}

// The views of a request stay valid while its body passes through the same buffer.
TEST(RequestBody, ChunkedLeavesTheHeadAlone) {
  for (const size_t head_bytes : {100UZ, 7'000UZ, 8'000UZ, 8'190UZ, 12'000UZ}) {
    for (const size_t chunk_bytes : {1UZ, 50UZ, 5'000UZ, 30'000UZ}) {
      Upload world({}, size_t{4} << 20);
      std::string request = "POST /here HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nUser-Agent: ";
      const std::string agent(head_bytes - request.size() - 4, 'u');
      request += agent + "\r\n\r\n";
      std::string content;
      for (int i = 0; i < 40; ++i) {
        const std::string chunk(chunk_bytes, static_cast<char>('a' + i % 26));
        content += chunk;
        std::array<char, 18> room;
        request += std::string(chunk_head(room, chunk_bytes)) + chunk + "\r\n";
      }
      request += "0\r\n\r\n";
      // In pieces, so that it is received in several.
      for (size_t at = 0; at < request.size(); at += 3000)
        world.backend.after(milliseconds(at / 3000), [&world, piece = request.substr(at, 3000)] {
          world.backend.put(world.far, piece);
        });
      world.backend.after(seconds(10), [&] { world.backend.end_sending(world.far); });
      EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 200"));
      EXPECT_EQ(world.body, content) << head_bytes << ' ' << chunk_bytes;
      EXPECT_EQ(world.field, agent);
      EXPECT_EQ(world.service.log.at(0).target, "/here");
    }
  }
}

TEST(RequestBody, IntoABufferOfOneByte) {
  Upload world;
  world.buffer_bytes = 1;
  world.serve("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(world.body, "abc");
}

TEST(RequestBody, ShortIsNeverComplete) {
  Upload world;
  world.serve("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncont");
  EXPECT_EQ(world.error, ECONNRESET);

  Upload chunked;
  chunked.serve("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ncont\r\n");
  EXPECT_EQ(chunked.error, ECONNRESET);
}

TEST(RequestBody, LargerThanAllowedIsNotRead) {
  Options options;
  options.body_bytes = 6;
  Upload world(options);
  const std::string response =
      world.serve("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncontentGET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(world.error, EMSGSIZE);
  EXPECT_THAT(response, HasSubstr("Connection: close"));
  EXPECT_EQ(count_of("HTTP/1.1 ", response), 1U);

  Upload chunked(options);
  chunked.serve("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ncontent\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.error, EMSGSIZE);
}

TEST(RequestBody, BrokenFramingEndsTheConnection) {
  Upload world;
  const std::string response = world.serve(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\nGET / "
      "HTTP/1.1\r\n"
      "Host: a\r\n\r\n");
  EXPECT_EQ(world.error, EPROTO);
  EXPECT_EQ(count_of("HTTP/1.1 ", response), 1U);
  EXPECT_THAT(response, HasSubstr("Connection: close"));
}

TEST(RequestBody, InTimeOrNot) {
  Upload world;
  world.backend.put(world.far, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncont");
  world.run();
  EXPECT_EQ(world.error, ETIMEDOUT);
  EXPECT_EQ(world.elapsed(), seconds(30 + 2));
}

TEST(RequestBody, TricklingInIsTooSlow) {
  Upload world;
  world.backend.put(world.far, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 1; i < 100; ++i) world.backend.after(seconds(i), [&] { world.backend.put(world.far, "x"); });
  world.run();
  EXPECT_EQ(world.error, ETIMEDOUT);
  EXPECT_LT(world.elapsed(), seconds(35));
}

// A handler that lets the body wait (a queue before the application) does not make its client slow.
TEST(RequestBody, IsNotSlowBecauseNobodyReads) {
  Upload world;
  world.service.answer = [&](Exchange& exchange) -> Task<void> {
    co_await exchange.loop.sleep_until(exchange.loop.now() + seconds(50));
    co_await world.read_and_say(exchange);
  };
  world.backend.put(world.far, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncont");
  world.backend.after(seconds(55), [&] {
    world.backend.put(world.far, "ent");
    world.backend.end_sending(world.far);
  });
  EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(world.body, "content");
}

TEST(RequestBody, UnreadIsDrainedAndTheConnectionKept) {
  World world;
  const std::string body(50'000, 'x');
  const std::string responses =
      world.serve("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + body + std::string(kGet));
  EXPECT_EQ(count_of("200 OK", responses), 2U);
  EXPECT_THAT(responses, Not(HasSubstr("close")));
}

TEST(RequestBody, UnreadAndLargeClosesAfterLingering) {
  World world;
  world.backend.put(world.far,
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\nGET / HTTP/1.1\r\n");
  const std::string response = world.run();
  EXPECT_EQ(count_of("HTTP/1.1 ", response), 1U);
  EXPECT_THAT(response, HasSubstr("Connection: close"));
  EXPECT_EQ(world.elapsed(), seconds(2));
}

TEST(RequestBody, UnreadAndBrokenIsNeverTakenForARequest) {
  World world;
  const std::string response = world.serve(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + std::string(kGet));
  EXPECT_EQ(count_of("HTTP/1.1 ", response), 1U);
}

// --- Expect ------------------------------------------------------------------------------------------------

constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

TEST(Expect, IsAnsweredWhenTheBodyIsRead) {
  Upload world;
  world.backend.put(world.far, kExpecting);
  std::string invitation;
  world.backend.after(seconds(1), [&] {
    invitation = world.backend.take(world.far);
    world.backend.put(world.far, "body");
    world.backend.end_sending(world.far);
  });
  EXPECT_THAT(world.run(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(invitation, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(world.body, "body");
}

TEST(Expect, IsNotAnsweredWhenTheBodyIsThere) {
  Upload world;
  EXPECT_THAT(world.serve(std::string(kExpecting) + "body"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(world.body, "body");
}

TEST(Expect, IsNotAnsweredWhenNobodyReads) {
  World world;
  world.backend.put(world.far, kExpecting);
  const std::string response = world.run();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(response, HasSubstr("Connection: close"));
}

class ReadsRequest final : public Body {
 public:
  explicit ReadsRequest(Exchange& exchange) : exchange_(exchange) {}
  Task<base::Result<size_t>> read(std::span<std::byte> into) override {
    co_return co_await exchange_.request.body->read(into);
  }

 private:
  Exchange& exchange_;
};

TEST(Expect, IsNeverAnsweredAfterTheFinalResponseHasBegun) {
  World world;
  world.service.answer = [](Exchange& exchange) -> Task<void> {
    exchange.response.status = 200;
    exchange.response.content = StreamContent{exchange.keep<ReadsRequest>(exchange)};
    co_return;
  };
  world.backend.put(world.far, kExpecting);
  world.backend.after(seconds(1), [&] {
    world.backend.put(world.far, "body");
    world.backend.end_sending(world.far);
  });
  const std::string response = world.run();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(response, Not(HasSubstr("100 Continue")));
  EXPECT_THAT(response, HasSubstr("4\r\nbody\r\n0\r\n\r\n"));
}

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
  EXPECT_EQ(world.stops, 0);
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

TEST(StreamResponse, ToHeadIsReadAndDropped) {
  Stream world({"one", "three"});
  const std::string responses =
      world.serve("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(count_of("Transfer-Encoding: chunked\r\n\r\n", responses), 2U);
  EXPECT_THAT(responses, Not(HasSubstr("one")));
  EXPECT_EQ(world.stops, 0);
}

TEST(StreamResponse, Of204HasNoContent) {
  Stream world({"one"});
  world.status = 204;
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

// --- takeover ----------------------------------------------------------------------------------------------

class Echo final : public Takeover {
 public:
  Task<void> run(ByteStream& stream) override {
    std::array<std::byte, 100> buffer;
    while (true) {
      const auto got = co_await stream.read(buffer);
      if (!got || *got == 0) co_return;
      if (!co_await stream.write(std::span(buffer).first(*got))) co_return;
    }
  }
};

struct Upgraded : World {
  Upgraded() {
    service.answer = [this](Exchange& exchange) { return upgrade(exchange); };
  }
  Task<void> upgrade(Exchange& exchange) {
    exchange.response.status = 101;
    exchange.response.fields.add("Upgrade", "echo");
    exchange.response.takeover = &echo;
    co_return;
  }
  Echo echo;
};

TEST(Takeover, GetsTheBytesThatFollow) {
  Upgraded world;
  world.backend.put(world.far,
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst");
  std::string first;
  world.backend.after(seconds(1), [&] {
    first = world.backend.take(world.far);
    world.backend.put(world.far, "second");
    world.backend.end_sending(world.far);
  });
  EXPECT_EQ(world.run(), "second");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(first, EndsWith("\r\n\r\nfirst"));
  EXPECT_EQ(world.service.log.at(0).record.status, 101);
}

TEST(Takeover, BeginsAfterTheBodyOfTheRequest) {
  Upgraded world;
  const std::string response = world.serve(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: "
      "4\r\n\r\nbodyfirst");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(response, EndsWith("\r\n\r\nfirst"));
}

TEST(Takeover, IsNotCutByADrainingServer) {
  Upgraded world;
  world.service.close_after_response = true;
  const std::string response =
      world.serve("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst");
  EXPECT_THAT(response, EndsWith("\r\n\r\nfirst"));
  EXPECT_THAT(response, Not(HasSubstr("close")));
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
