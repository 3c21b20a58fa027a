// SPDX-License-Identifier: Apache-2.0
//
// Requests over HTTP connections that are kept: what is written, when a connection is used again, and what
// becomes of answers that come early, in pieces, or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/proxy/http_prober.h"
#include "gateway/proxy/http_wire.h"
#include "gateway/testing/conversation_world.h"
#include "loop/backend/every_failure.h"

namespace remuda::gateway::proxy {
namespace {

using namespace std::chrono_literals;
using http::testing::FakeBody;
using http::testing::FakeExchange;
using testing::Answer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using World = testing::ConversationWorld<HttpWire>;
using Kind = Verdict::Kind;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view kOkRead = "Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class HttpConversationTest : public ::testing::Test {
 protected:
  Question question(const http::Body* body = nullptr) {
    return {.request = 1, .head = &exchange_.request, .body = body};
  }
  void ask(Answer& answer, http::Body* body = nullptr) { world_.ask(answer, question(body), body); }
  // Asks and answers over the newest connection.
  Answer served(std::string_view reply = kOk) {
    Answer answer;
    ask(answer);
    world_.turn();
    world_.sent(world_.endpoint.far.size() - 1);
    world_.answer(reply, world_.endpoint.far.size() - 1);
    world_.turn();
    EXPECT_TRUE(answer.done);
    return answer;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  FakeExchange exchange_{loop_, "GET", "/a?b"};
  World world_{backend_, loop_};
};

TEST_F(HttpConversationTest, KeepsItsConnection) {
  for (int i = 0; i < 3; ++i) {
    const Answer answer = served();
    EXPECT_EQ(answer.text, kOkRead);
    EXPECT_EQ(answer.verdict.kind, Kind::kWhole);
  }
  EXPECT_EQ(world_.endpoint.far.size(), 1U);
  EXPECT_EQ(world_.endpoint.connections->idle(), 1U);
  EXPECT_THAT(world_.book.outcomes, ::testing::Each(apps::Outcome::kAnswered));
}

TEST_F(HttpConversationTest, ClosesWhatCannotBeUsedAgain) {
  served("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
  served("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n");  // more than was asked
  served();
  world_.answer("HTTP/1.1 200 OK\r\n", 2);  // unasked
  world_.turn();
  served();
  EXPECT_EQ(world_.endpoint.far.size(), 4U);
}

TEST_F(HttpConversationTest, SaysSoWhereNothingIsKept) {
  world_.endpoint.rules.idle = 0;
  Answer answer;
  ask(answer);
  world_.turn();
  EXPECT_THAT(world_.sent(), HasSubstr("\r\nConnection: close\r\n"));
  world_.answer("HTTP/1.1 200 OK\r\n\r\nhello");
  world_.turn();
  EXPECT_FALSE(answer.done);
  backend_.close(world_.endpoint.far[0]);
  world_.turn();
  EXPECT_EQ(answer.text, "Status: 200 OK\r\n\r\nhello");
  EXPECT_EQ(answer.verdict.kind, Kind::kWhole);
}

TEST_F(HttpConversationTest, SendsABodyWithItsLengthOrInChunks) {
  FakeBody known({"ab", "cd"});
  known.known_remaining = 4;
  Answer first;
  ask(first, &known);
  world_.turn();
  EXPECT_THAT(world_.sent(), ::testing::EndsWith("Content-Length: 4\r\n\r\nabcd"));
  world_.answer(kOk);
  world_.turn();
  FakeBody unknown({"ab", "cd"});
  Answer second;
  ask(second, &unknown);
  world_.turn();
  EXPECT_THAT(world_.sent(), ::testing::EndsWith("chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"));
  world_.answer(kOk);
  world_.turn();
  EXPECT_TRUE(first.done && second.done);
  EXPECT_EQ(world_.endpoint.far.size(), 1U);
}

TEST_F(HttpConversationTest, ThatIsClosedUnderARequest) {
  served();
  Answer answer;
  ask(answer);
  world_.turn();
  world_.sent();
  backend_.close(world_.endpoint.far[0]);
  world_.turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown) << "an idempotent one may be sent again";
}

TEST_F(HttpConversationTest, ThatIsCut) {
  Answer answer;
  ask(answer);
  world_.turn();
  world_.answer("HTTP/1.1 200 OK\r\nContent-Le");
  world_.turn();
  backend_.close(world_.endpoint.far[0]);
  world_.turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kBroken) << "it had begun to answer";
  Answer content;
  ask(content);
  world_.turn();
  world_.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 1);
  world_.turn();
  backend_.close(world_.endpoint.far[1]);
  world_.turn();
  EXPECT_EQ(content.verdict.kind, Kind::kBroken);
}

TEST_F(HttpConversationTest, ThatIsNoHttp) {
  Answer answer;
  ask(answer);
  world_.turn();
  world_.answer("220 mail.example ESMTP\r\n");
  world_.turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kBroken);
  EXPECT_EQ(answer.verdict.status, 502);
  EXPECT_THAT(answer.verdict.trouble, HasSubstr("its answer does not begin as HTTP/1.1"));
}

TEST_F(HttpConversationTest, AnAnswerBeforeTheWholeBody) {
  FakeBody body({std::string(200'000, 'x'), std::string(200'000, 'x')});
  body.known_remaining = 400'000;
  Answer answer;
  ask(answer, &body);
  world_.turn();
  world_.answer("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  world_.turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kWhole);
  EXPECT_THAT(answer.text, StartsWith("Status: 413"));
  while (!world_.sent().empty()) world_.turn();
  EXPECT_TRUE(backend_.input_ended(world_.endpoint.far[0])) << "the rest would be taken for a request";
}

TEST_F(HttpConversationTest, TimesOutWithoutEndingAProcessThatOthersUse) {
  world_.endpoint.its_capacity = {.requests = 8, .connections = 8};
  Answer answer;
  ask(answer);
  loop_.run();
  EXPECT_EQ(answer.verdict.status, 504);
  EXPECT_THAT(world_.book.terminated, IsEmpty());
  EXPECT_EQ(world_.book.live, 0);
}

TEST_F(HttpConversationTest, Switches) {
  exchange_.request.fields.add("Connection", "Upgrade");
  exchange_.request.fields.add("Upgrade", "websocket");
  Answer answer;
  auto conversation = world_.converse(question());
  conversation->begin(nullptr);
  EXPECT_TRUE(conversation->may_switch());
  loop_.root().spawn(World::read_all(conversation, answer));
  world_.turn();
  EXPECT_THAT(world_.sent(), HasSubstr("Connection: upgrade\r\nUpgrade: websocket\r\n"));
  world_.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst");
  world_.turn();
  const auto say = [](Conversation& to) -> loop::Task<void> {
    constexpr std::string_view kText = "hello";
    EXPECT_TRUE(co_await to.send(std::as_bytes(std::span(kText))));
    co_await to.end_sending();
  };
  loop_.root().spawn(say(*conversation));
  world_.turn();
  EXPECT_EQ(world_.sent(), "hello");
  EXPECT_TRUE(backend_.input_ended(world_.endpoint.far[0]));
  backend_.close(world_.endpoint.far[0]);
  world_.turn();
  EXPECT_EQ(answer.text, "Status: 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst");
  EXPECT_EQ(answer.verdict.kind, Kind::kWhole);
}

TEST(HttpUnderEveryFailure, LeavesNothingBehind) {
  const auto complaints =
      loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
        WireOptions options;
        options.time_limit = 20s;
        FakeExchange exchange(loop, "POST", "/");
        World world(backend, loop, options);
        world.endpoint.connected = [&](int far) { backend.put(far, kOk); };
        FakeBody body({"ab", "cd"});
        Answer answer;
        world.ask(answer, {.request = 1, .head = &exchange.request, .body = &body}, &body);
        loop.run();
        EXPECT_TRUE(answer.done);
        EXPECT_EQ(world.book.live, 0);
        if (!backend.has_failed()) EXPECT_EQ(answer.text, kOkRead);
      });
  EXPECT_THAT(complaints, IsEmpty());
}

}  // namespace
}  // namespace remuda::gateway::proxy
