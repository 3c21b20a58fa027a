// SPDX-License-Identifier: Apache-2.0
//
// Requests over FastCGI connections, one at a time: what is sent, what is kept, how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/fastcgi_fixture.h"
#include "loop/backend/every_failure.h"

namespace remuda::gateway::fastcgi {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using http::testing::FakeBody;
using testing::Answer;
using testing::end_request;
using testing::outline;
using testing::output;
using testing::record;
using testing::whole_answer;
using Kind = Verdict::Kind;

using testing::kGet;
using testing::kPost;
using FastcgiConversationTest = testing::FastcgiTest;

TEST_F(FastcgiConversationTest, KeepsItsConnection) {
  exchange(0);
  EXPECT_EQ(idle(), 1U);
  exchange(0);
  exchange(0);
  EXPECT_EQ(world_->endpoint.far.size(), 1U);
  EXPECT_EQ(world_->book.live, 0);
  EXPECT_THAT(world_->book.outcomes, ::testing::Each(apps::Outcome::kAnswered));
  EXPECT_THAT(world_->log.troubles, ::testing::IsEmpty());
}

TEST_F(FastcgiConversationTest, SaysThatItKeepsTheConnectionOnlyIfItDoes) {
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(testing::read_records(world_->sent())[0].content, "\0\1\1\0\0\0\0\0"s);
  world_->answer(whole_answer(1, "x"));
  world_->turn();
  world_->endpoint.connections->close_idle();
  world_->endpoint.rules.idle = 0;
  world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(testing::read_records(world_->sent(1))[0].content, "\0\1\0\0\0\0\0\0"s);
  world_->answer(whole_answer(1, "x"), 1);
  world_->turn();
  EXPECT_TRUE(backend_.input_ended(world_->endpoint.far[1]));
}

TEST_F(FastcgiConversationTest, ASmallBodyGoesInTheSameSend) {
  FakeBody body({"ab", "cd"});
  body.known_remaining = 4;
  Answer answer;
  const size_t before = backend_.operations_started();
  auto conversation = world_->converse(post());
  conversation->begin(&body);
  // Connecting takes none; the wait for input, the wait of the story, one send.
  EXPECT_LE(backend_.operations_started() - before, 5U);
  EXPECT_EQ(outline(world_->sent()), "1:1 4:1 4:1 5:1 5:1 5:1");
  loop_.root().spawn(World::read_all(std::move(conversation), answer));
  world_->answer(whole_answer(1, "x"));
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(idle(), 1U);
}

TEST_F(FastcgiConversationTest, ALargeBodyWaitsForTheApplication) {
  FakeBody body({std::string(1'000'000, 'b')});
  body.known_remaining = 1'000'000;
  Answer answer;
  world_->ask(answer, post(), &body);
  std::string content;
  std::string bytes;
  for (int i = 0; i < 200 && !answer.done; ++i) {
    world_->turn(2);
    bytes += world_->sent();
    for (const auto& each : testing::take_records(bytes)) {
      if (each.type != 5) continue;
      content += each.content;
      if (each.content.empty()) world_->answer(whole_answer(1, "thanks"));
    }
  }
  EXPECT_EQ(content, std::string(1'000'000, 'b'));
  EXPECT_EQ(answer.text, "thanks");
  EXPECT_EQ(idle(), 0U) << "nobody can see whether all of it was read";
}

TEST_F(FastcgiConversationTest, AnAnswerBeforeTheWholeBodyEndsTheConnection) {
  FakeBody body({std::string(1'000'000, 'b')});
  body.known_remaining = 1'000'000;
  Answer answer;
  world_->ask(answer, post(), &body);
  world_->turn();
  world_->answer(whole_answer(1, "enough"));
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(answer.text, "enough");
  EXPECT_EQ(answer.verdict.kind, Kind::kWhole);
  EXPECT_EQ(idle(), 0U);
  world_->sent();
  EXPECT_TRUE(backend_.input_ended(world_->endpoint.far[0]));
}

TEST_F(FastcgiConversationTest, TheAnswerInSingleBytes) {
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  const std::string bytes = record(7, 1, "oh\x1b[2J\n") + output(1, "ab") + output(1, "") + record(7, 1, "") +
                            output(1, "c") + end_request(1);
  for (const char byte : bytes) {
    world_->answer({&byte, 1});
    world_->turn(2);
  }
  EXPECT_EQ(answer.text, "abc");
  EXPECT_THAT(world_->log.errors, ::testing::ElementsAre("oh\\x1b[2J"));
}

TEST_F(FastcgiConversationTest, ALongPairIsRefusedAndNothingIsSent) {
  const std::string variables = "REQUEST_METHOD=GET\0HTTP_X="s + std::string(70'000, 'x') + '\0';
  Answer answer;
  world_->ask(answer, {.variables = variables});
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(answer.verdict.status, 431);
  EXPECT_EQ(answer.verdict.kind, Kind::kBroken);
  if (!world_->endpoint.far.empty()) EXPECT_EQ(world_->sent(), "");
  EXPECT_EQ(world_->book.live, 0);
}

// --- roles

TEST_F(FastcgiConversationTest, AnAuthorizerAndAFilter) {
  Answer answer;
  FakeBody data({"file"});
  world_->ask(answer, {.role = Question::Role::kFilter, .variables = kGet, .data = &data});
  world_->turn();
  const std::string sent = world_->sent();
  EXPECT_EQ(outline(sent), "1:1 4:1 4:1 5:1 8:1 8:1");
  EXPECT_EQ(testing::read_records(sent)[0].content[1], 3);
  world_->answer(whole_answer(1, "x"));
  world_->turn();
  world_->ask(answer, {.role = Question::Role::kAuthorizer, .variables = kGet});
  world_->turn();
  EXPECT_EQ(testing::read_records(world_->sent())[0].content[1], 2);
  world_->answer(whole_answer(1, "x"));
  world_->turn();
  EXPECT_TRUE(answer.done);
}

// --- under every failure

TEST(FastcgiUnderEveryFailure, LeavesNothingBehind) {
  const auto complaints =
      loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
        WireOptions options;
        options.multiplex = Multiplex::kAuto;
        options.time_limit = 20s;
        testing::ConversationWorld<FastcgiWire> world(backend, loop, options);
        world.endpoint.rules.idle_time = 1s;
        world.endpoint.connected = [&](int far) {
          loop.root().spawn(testing::serve_fastcgi(loop, far, [](int request, const std::string& body) {
            return record(7, request, "a line\n") + whole_answer(request, "got " + body);
          }));
        };
        Answer first;
        Answer second;
        FakeBody body({"ab", "cd"});
        body.known_remaining = 4;
        world.ask(first, {.variables = kGet});
        world.ask(second, {.variables = kPost}, &body);
        while (!first.done || !second.done) loop.turn(loop::kNever);
        Answer third;
        world.ask(third, {.variables = kGet});
        loop.run();
        EXPECT_TRUE(third.done);
        EXPECT_EQ(world.book.live, 0);
        if (backend.has_failed()) return;
        EXPECT_EQ(first.text, "got ");
        EXPECT_EQ(second.text, "got abcd");
        EXPECT_EQ(third.text, "got ");
      });
  EXPECT_THAT(complaints, ::testing::IsEmpty());
}

}  // namespace
}  // namespace remuda::gateway::fastcgi
