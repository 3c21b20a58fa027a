// SPDX-License-Identifier: Apache-2.0
//
// The bodies of requests on a connection: whole, chunked, short, broken, slow, not read, and invited by
// Expect.
#include "http/h1/request_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "http/h1/chunked.h"
#include "http/h1/testing/imitated_world.h"

namespace remuda::http::h1 {
namespace {

using loop::DeterministicBackend;
using loop::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::count_of;
using ::testing::HasSubstr;
using testing::kGet;
using ::testing::Not;
using testing::read_body;
using testing::ReadsRequest;
using ::testing::StartsWith;
using testing::World;

// --- bodies of requests ------------------------------------------------------------------------------------

struct Upload : World {
  explicit Upload(Options options = {}, size_t buffer = DeterministicBackend::kBufferBytes)
      : World(std::move(options), buffer) {
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

}  // namespace
}  // namespace remuda::http::h1
