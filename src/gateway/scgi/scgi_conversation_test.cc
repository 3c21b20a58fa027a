// SPDX-License-Identifier: Apache-2.0
//
// Requests over SCGI: a connection each, whose end is the answer's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/scgi/scgi_prober.h"
#include "gateway/scgi/scgi_wire.h"
#include "gateway/testing/conversation_world.h"
#include "loop/backend/every_failure.h"

namespace remuda::gateway::scgi {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using http::testing::FakeBody;
using testing::Answer;
using World = testing::ConversationWorld<ScgiWire>;
using Kind = Verdict::Kind;

const std::string kVariables = "REQUEST_METHOD=POST\0CONTENT_LENGTH=4\0"s;

// Reads a request whose body is 4 bytes long, and answers with what `reply` makes of it.
loop::Task<void> serve(loop::Loop& loop, int socket, std::string reply) {
  loop::LoopFd holder(loop, base::Fd(socket));
  std::string bytes;
  std::array<std::byte, 512> room;
  while (!bytes.ends_with("abcd")) {
    const auto got = co_await loop.receive(socket, room, loop::kNever);
    if (!got || *got == 0) co_return;
    bytes.append(reinterpret_cast<const char*>(room.data()), *got);
  }
  while (!reply.empty()) {
    iovec part{reply.data(), reply.size()};
    const msghdr message{.msg_iov = &part, .msg_iovlen = 1};
    const auto sent = co_await loop.send_message(socket, message, 0, loop::kNever);
    if (!sent) co_return;
    reply.erase(0, *sent);
  }
}

class ScgiConversationTest : public ::testing::Test {
 protected:
  void ask(Answer& answer) { world_.ask(answer, {.variables = kVariables, .request = 1}, &body_); }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  World world_{backend_, loop_};
  FakeBody body_{{"ab", "cd"}};
};

TEST_F(ScgiConversationTest, OneRequestAConnection) {
  for (size_t i = 0; i < 2; ++i) {
    FakeBody body({"abcd"});
    body.known_remaining = 4;
    Answer answer;
    world_.ask(answer, {.variables = kVariables, .request = 1}, &body);
    world_.turn();
    EXPECT_EQ(world_.sent(i), "44:CONTENT_LENGTH\0004\0SCGI\0001\0REQUEST_METHOD\0POST\0,abcd"s);
    world_.answer("Status: 200 OK\r\n\r\n", i);
    world_.turn();
    EXPECT_FALSE(answer.done);
    world_.answer("hello", i);
    backend_.close(world_.endpoint.far[i]);
    world_.turn();
    EXPECT_EQ(answer.text, "Status: 200 OK\r\n\r\nhello");
    EXPECT_EQ(answer.verdict.kind, Kind::kWhole);
  }
  EXPECT_THAT(world_.book.outcomes, ::testing::Each(apps::Outcome::kAnswered));
}

TEST_F(ScgiConversationTest, WithoutAnAnswer) {
  Answer answer;
  ask(answer);
  world_.turn();
  world_.sent();
  backend_.close(world_.endpoint.far[0]);
  world_.turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown);
  EXPECT_EQ(answer.verdict.status, 502);
}

TEST_F(ScgiConversationTest, ACutAnswer) {
  Answer answer;
  ask(answer);
  world_.turn();
  world_.answer("Status: 200 OK\r\n");
  world_.turn();
  backend_.reset(world_.endpoint.far[0]);
  world_.turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kBroken);
  EXPECT_EQ(answer.error, EIO);
}

// A client that leaves, once the application has been given its request.
class ScgiClientThatLeft : public ScgiConversationTest {
 protected:
  void leave() {
    Answer answer;
    auto conversation = world_.converse({.variables = kVariables, .request = 1});
    conversation->begin(nullptr);
    loop_.root().spawn(World::read_all(conversation, answer));
    world_.turn();
    world_.sent();
    conversation->scope().cancel(ECONNRESET);
    conversation.reset();
    world_.turn();
    EXPECT_TRUE(answer.done);
    EXPECT_TRUE(backend_.input_ended(world_.endpoint.far[0]));
  }
};

TEST_F(ScgiClientThatLeft, HoldsTheProcessUntilItAccepts) {
  leave();
  EXPECT_EQ(world_.book.live, 1) << "it may be at work";
  ASSERT_EQ(world_.endpoint.far.size(), 2U);
  world_.sent(1);
  EXPECT_TRUE(backend_.input_ended(world_.endpoint.far[1]));
  backend_.close(world_.endpoint.far[1]);
  world_.turn();
  EXPECT_EQ(world_.book.live, 0);
  EXPECT_THAT(world_.book.terminated, ::testing::IsEmpty());
  EXPECT_EQ(world_.book.outcomes.back(), apps::Outcome::kGivenUp);
}

TEST_F(ScgiClientThatLeft, EndsTheProcessAfterItsTimeLimit) {
  const loop::Time began = loop_.now();
  leave();
  loop_.run();
  EXPECT_EQ(world_.book.live, 0);
  EXPECT_EQ(loop_.now() - began, 60s);
  EXPECT_EQ(world_.book.terminated.size(), 1U);
}

TEST_F(ScgiClientThatLeft, HoldsNothingThatHasGone) {
  world_.endpoint.connected = [this](int) { world_.endpoint.refuse = ECONNREFUSED; };
  leave();
  EXPECT_EQ(world_.book.live, 0);
  EXPECT_THAT(world_.book.terminated, ::testing::IsEmpty());
}

TEST_F(ScgiClientThatLeft, HoldsNothingThatTakesSeveral) {
  world_.endpoint.its_capacity = {.requests = 4, .connections = 4};
  leave();
  EXPECT_EQ(world_.book.live, 0);
  EXPECT_EQ(world_.endpoint.far.size(), 1U);
}

TEST(ScgiUnderEveryFailure, LeavesNothingBehind) {
  const auto complaints =
      loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
        WireOptions options;
        options.time_limit = 20s;
        options.response_buffer = 1024;
        World world(backend, loop, options);
        world.endpoint.connected = [&](int far) {
          loop.root().spawn(serve(loop, far, "Status: 200\n\n" + std::string(5000, 'x')));
        };
        FakeBody body({"ab", "cd"});
        Answer answer;
        world.ask(answer, {.variables = kVariables}, &body);
        loop.run();
        EXPECT_TRUE(answer.done);
        EXPECT_EQ(world.book.live, 0);
        if (!backend.has_failed()) EXPECT_EQ(answer.text.size(), 5013U);
      });
  EXPECT_THAT(complaints, ::testing::IsEmpty());
}

}  // namespace
}  // namespace remuda::gateway::scgi
