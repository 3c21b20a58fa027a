// SPDX-License-Identifier: Apache-2.0
//
// How a request over FastCGI may end: the application, the connection, the client, time, a slow reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/fastcgi_fixture.h"

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
using FastcgiEndingsTest = testing::FastcgiTest;

// --- how it may end

struct Ending {
  std::string bytes;
  Kind kind;
  int status;
  bool ends = false;  // the connection, after the bytes
};

TEST_F(FastcgiEndingsTest, EndsOfEveryKind) {
  const std::vector<Ending> endings = {
      {end_request(1), Kind::kWhole, 502},
      {end_request(1, 0, 3), Kind::kWhole, 502},
      {output(1, "x") + record(3, 1, std::string_view("brkn\0\0\0\0", 8)), Kind::kBroken, 502},
      {end_request(1, 1), Kind::kNotBegun, 503},
      {end_request(1, 2), Kind::kNotBegun, 503},
      {end_request(1, 3), Kind::kBroken, 500},
      {output(1, "x") + end_request(1, 2), Kind::kBroken, 503},
      {"", Kind::kUnknown, 502, true},
      {output(1, "x"), Kind::kBroken, 502, true},
      {output(1, "x").substr(0, 5), Kind::kUnknown, 502, true},
      {record(7, 1, "x"), Kind::kUnknown, 502, true},
      {"HTTP/1.1 200 OK\r\n\r\n", Kind::kBroken, 502},
      {output(0, "x"), Kind::kBroken, 502},
      {output(1, "x") + record(99, 1, ""), Kind::kBroken, 502},
  };
  for (size_t i = 0; i < endings.size(); ++i) {
    make();
    Answer answer;
    world_->ask(answer, get());
    world_->turn();
    world_->sent();
    world_->answer(endings[i].bytes);
    if (endings[i].ends) backend_.close(world_->endpoint.far[0]);
    world_->turn();
    EXPECT_TRUE(answer.done) << i;
    EXPECT_EQ(answer.verdict.kind, endings[i].kind) << i;
    EXPECT_EQ(answer.verdict.status, endings[i].status) << i;
    EXPECT_NE(answer.verdict.trouble, "") << i;
    EXPECT_EQ(answer.error == 0, endings[i].kind == Kind::kWhole) << i;
    EXPECT_EQ(world_->book.live, 0) << i;
    EXPECT_EQ(world_->log.troubles.size(), 1U) << i;
  }
}

TEST_F(FastcgiEndingsTest, WhoDeclinesIsWell) {
  for (const char status : {'\1', '\2'}) {
    make();
    Answer answer;
    world_->ask(answer, get());
    world_->turn();
    world_->answer(end_request(1, status));
    world_->turn();
    EXPECT_EQ(world_->book.outcomes.back(), apps::Outcome::kDeclined) << int(status);
  }
}

TEST_F(FastcgiEndingsTest, NoConnection) {
  for (const int error : {ECONNREFUSED, ENOENT, ETIMEDOUT}) {
    world_->endpoint.refuse = error;
    Answer answer;
    world_->ask(answer, get());
    world_->turn();
    EXPECT_EQ(answer.verdict.kind, Kind::kNotBegun);
    EXPECT_EQ(answer.verdict.status, error == ETIMEDOUT ? 504 : 502);
    EXPECT_EQ(world_->book.outcomes.back(), apps::Outcome::kRefused);
  }
}

TEST_F(FastcgiEndingsTest, AShortageOfOursIsNotTheApplications) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL}) {
    world_->endpoint.refuse = error;
    Answer answer;
    world_->ask(answer, get());
    world_->turn();
    EXPECT_EQ(answer.verdict.kind, Kind::kBroken) << "asking another one would not help";
    EXPECT_EQ(answer.verdict.status, 503);
    EXPECT_EQ(world_->book.outcomes.back(), apps::Outcome::kGivenUp);
  }
}

TEST_F(FastcgiEndingsTest, AKeptConnectionThatDiesOnItsSecondRequest) {
  exchange(0);
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  world_->sent();
  backend_.close(world_->endpoint.far[0]);
  world_->turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown);
  EXPECT_EQ(world_->endpoint.rules.idle, 0U) << "keeping is over";
}

TEST_F(FastcgiEndingsTest, TheOthersThatAreKeptAreNoBetter) {
  world_->endpoint.its_capacity.connections = 8;
  std::array<Answer, 3> answers;
  for (Answer& answer : answers) world_->ask(answer, get());
  world_->turn();
  for (size_t i = 0; i < answers.size(); ++i) world_->answer(whole_answer(1, "x"), i);
  world_->turn();
  ASSERT_EQ(idle(), 3U);
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  backend_.close(world_->endpoint.far[2]);
  world_->turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown);
  EXPECT_EQ(idle(), 0U);
  exchange(3);
}

TEST_F(FastcgiEndingsTest, AKeptConnectionThatDiesLaterIsNoReasonNotToKeep) {
  exchange(0);
  exchange(0);
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  backend_.reset(world_->endpoint.far[0]);
  world_->turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown);
  EXPECT_EQ(world_->endpoint.rules.idle, 8U);
}

TEST_F(FastcgiEndingsTest, AnIdleConnectionThatThePeerClosesIsForgotten) {
  exchange(0);
  backend_.close(world_->endpoint.far[0]);
  world_->turn();
  EXPECT_EQ(idle(), 0U);
  exchange(1);
}

// Over TCP nobody can see whether it was read: libfcgi reads 8 KiB ahead, and closes the connection for the
// rest.
TEST_F(FastcgiEndingsTest, ARequestLongerThanWhatIsReadAheadEndsItsConnection) {
  for (const auto& [size, kept] : {std::pair(4UL, 1UL), {7000UL, 1UL}, {8192UL, 0UL}, {100000UL, 0UL}}) {
    make();
    FakeBody body({std::string(size, 'b')});
    Answer answer;
    world_->ask(answer, post(), &body);
    world_->turn();
    while (!world_->sent().empty()) world_->turn();
    world_->answer(whole_answer(1, "Content-Type: a/b\n\nhi"));
    world_->turn();
    EXPECT_EQ(answer.verdict.kind, Kind::kWhole) << size;
    EXPECT_EQ(idle(), kept) << size;
  }
}

TEST_F(FastcgiEndingsTest, WhatComesWithoutARequestEndsTheConnection) {
  exchange(0);
  world_->answer(output(1, "more"));
  world_->turn();
  EXPECT_EQ(idle(), 0U);
  exchange(1);
  world_->answer(end_request(1), 1);
  world_->turn();
  EXPECT_EQ(idle(), 0U);
}

TEST_F(FastcgiEndingsTest, IdleConnectionsHaveALifetimeAndANumber) {
  world_->endpoint.rules.idle = 1;
  world_->endpoint.rules.idle_time = 10s;
  Answer first;
  Answer second;
  world_->ask(first, get());
  world_->ask(second, get());
  world_->turn();
  world_->answer(whole_answer(1, "x"), 0);
  world_->answer(whole_answer(1, "y"), 1);
  world_->turn();
  EXPECT_EQ(idle(), 1U);
  backend_.set_clock(loop::ClockMode::kByTest);
  backend_.advance(9s);
  world_->turn();
  EXPECT_EQ(idle(), 1U);
  backend_.advance(2s);
  world_->turn();
  EXPECT_EQ(idle(), 0U);
  backend_.set_clock(loop::ClockMode::kJumps);
}

TEST_F(FastcgiEndingsTest, AConnectionIsClosedAfterSoManyRequests) {
  world_->endpoint.rules.requests = 2;
  exchange(0);
  exchange(0);
  EXPECT_EQ(idle(), 0U);
  exchange(1);
}

// --- who leaves, and when

TEST_F(FastcgiEndingsTest, AClientThatLeft) {
  Answer answer;
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  loop_.root().spawn(World::read_all(conversation, answer));
  world_->turn();
  world_->sent();
  conversation->scope().cancel(ECONNRESET);
  conversation.reset();
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(answer.error, EIO);
  EXPECT_EQ(answer.stopped, ECONNRESET);
  EXPECT_EQ(outline(world_->sent()), "2:1");
  EXPECT_EQ(world_->book.live, 1) << "the process is still busy";
  world_->answer(output(1, "late"));
  world_->answer(end_request(1));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0);
  EXPECT_EQ(idle(), 0U) << "the abort may be read where the next request is expected";
  EXPECT_THAT(world_->book.terminated, ::testing::IsEmpty());
  exchange(1);
}

TEST_F(FastcgiEndingsTest, TheApplicationMayFinishIfItIsTold) {
  options_.on_client_gone = ClientGone::kFinish;
  make();
  Answer answer;
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  loop_.root().spawn(World::read_all(conversation, answer));
  world_->turn();
  world_->sent();
  conversation->scope().cancel(ECONNRESET);
  world_->turn();
  EXPECT_EQ(world_->sent(), "");
  EXPECT_EQ(world_->book.live, 1);
  world_->answer(whole_answer(1, "late"));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0);
}

TEST_F(FastcgiEndingsTest, TheTimeLimitEndsTheProcess) {
  options_.time_limit = 3s;
  make();
  Answer answer;
  world_->ask(answer, get());
  const loop::Time began = loop_.now();
  loop_.run();
  EXPECT_EQ(loop_.now() - began, 3s);
  EXPECT_EQ(answer.stopped, ETIMEDOUT);
  EXPECT_EQ(answer.verdict.status, 504);
  EXPECT_THAT(world_->book.terminated, ::testing::ElementsAre("its time limit passed"));
  EXPECT_EQ(world_->book.outcomes.back(), apps::Outcome::kTimedOut);
}

TEST_F(FastcgiEndingsTest, TheTimeLimitEndsWhatGoesOnAfterItsAnswer) {
  options_.time_limit = 3s;
  make();
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  world_->turn();
  world_->answer(output(1, "x"));
  world_->turn();
  conversation->let_go(Conversation::Debt::kPaid);
  conversation.reset();
  loop_.run();
  EXPECT_THAT(world_->book.terminated, ::testing::ElementsAre("its time limit passed"));
  EXPECT_THAT(world_->book.outcomes, ::testing::ElementsAre(apps::Outcome::kAnswered));
  EXPECT_THAT(world_->log.troubles,
              ::testing::ElementsAre("it went on after its answer until the time limit of 3 s"));
}

TEST_F(FastcgiEndingsTest, AnApplicationThatFallsSilent) {
  options_.time_limit = 1h;
  options_.first_byte_timeout = 2s;
  options_.read_timeout = 5s;
  make();
  Answer answer;
  loop::Time began = loop_.now();
  world_->ask(answer, get());
  loop_.run();
  EXPECT_EQ(loop_.now() - began, 2s);
  EXPECT_EQ(answer.verdict.status, 504);
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown) << "another one may be asked";
  EXPECT_EQ(answer.stopped, 0);
  answer = {};
  began = loop_.now();
  world_->ask(answer, get());
  world_->turn();
  world_->answer(output(1, "x"), 1);
  loop_.run();
  EXPECT_EQ(loop_.now() - began, 5s);
  EXPECT_EQ(answer.text, "x");
  EXPECT_EQ(answer.verdict.trouble, "the application sent nothing for 5 s");
}

TEST_F(FastcgiEndingsTest, AnApplicationThatTakesNothing) {
  options_.send_timeout = 2s;
  make();
  FakeBody body({std::string(1'000'000, 'b')});
  body.known_remaining = 1'000'000;
  Answer answer;
  const loop::Time began = loop_.now();
  world_->ask(answer, post(), &body);
  loop_.run();
  EXPECT_EQ(loop_.now() - began, 2s);
  EXPECT_EQ(answer.verdict.status, 504);
  EXPECT_EQ(answer.verdict.kind, Kind::kUnknown);
}

// FastCGI section 6.1: a program may never read its stdin.
TEST_F(FastcgiEndingsTest, AnApplicationThatAnswersAndTakesNothing) {
  options_.send_timeout = 2s;
  make();
  FakeBody body({std::string(1'000'000, 'b')});
  body.known_remaining = 1'000'000;
  Answer answer;
  world_->ask(answer, post(), &body);
  backend_.set_clock(loop::ClockMode::kByTest);
  world_->turn();
  for (int i = 0; i < 6; ++i) {
    world_->answer(output(1, "x"));
    world_->turn();
    backend_.advance(1500ms);
    world_->turn();
  }
  EXPECT_EQ(answer.text, "xxxxxx");
  EXPECT_FALSE(answer.done);
  backend_.advance(600ms);
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(answer.verdict.status, 504) << "nothing has gone either way for two seconds";
  backend_.set_clock(loop::ClockMode::kJumps);
}

// The client is slow, and there is no disk for what it has not taken.
TEST_F(FastcgiEndingsTest, AnApplicationThatIsNotListenedToMayTakeNothing) {
  options_.send_timeout = 2s;
  options_.response_buffer = 64 * 1024;
  options_.response_spill = 0;
  make();
  FakeBody body({std::string(1'000'000, 'b')});
  body.known_remaining = 1'000'000;
  auto conversation = world_->converse(post());
  conversation->begin(&body);
  backend_.set_clock(loop::ClockMode::kByTest);
  world_->turn();
  for (int i = 0; i < 8; ++i) {
    world_->answer(output(1, std::string(32'000, 'x')));
    world_->turn();
  }
  for (int i = 0; i < 6; ++i) {
    backend_.advance(1500ms);
    world_->turn();
  }
  EXPECT_EQ(world_->book.live, 1);
  EXPECT_THAT(world_->log.troubles, ::testing::IsEmpty());
  backend_.close(world_->endpoint.far[0]);
  conversation->let_go(Conversation::Debt::kOwed);
  backend_.set_clock(loop::ClockMode::kJumps);
}

TEST_F(FastcgiEndingsTest, ABodyThatDoesNotComeWhole) {
  FakeBody body({"ab"});
  body.error = ECONNRESET;
  Answer answer;
  world_->ask(answer, post(), &body);
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(answer.body_error, ECONNRESET);
  EXPECT_EQ(answer.stopped, 0);
  EXPECT_EQ(outline(world_->sent()).find("5:1 5:1"), std::string::npos) << "the body must not look whole";
  EXPECT_TRUE(backend_.input_ended(world_->endpoint.far[0]));
  EXPECT_EQ(world_->book.live, 1) << "it may be at work with what came";
  ASSERT_EQ(world_->endpoint.far.size(), 2U);
  backend_.close(world_->endpoint.far[1]);
  world_->turn();
  EXPECT_EQ(world_->book.live, 0) << "it has accepted the next connection";
}

// --- a slow client

TEST_F(FastcgiEndingsTest, ASlowClientHoldsNoProcess) {
  options_.response_buffer = 64 * 1024;
  make();
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  world_->turn();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(32'000, static_cast<char>('a' + i % 26));
    expected += piece;
    world_->answer(output(1, piece));
    world_->turn();
  }
  world_->answer(end_request(1));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0) << "all of it has been taken off the process";
  EXPECT_EQ(idle(), 1U);
  Answer answer;
  loop_.root().spawn(World::read_all(std::move(conversation), answer));
  world_->turn(300);
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(answer.text, expected);
}

TEST_F(FastcgiEndingsTest, WithoutADiskTheApplicationWaits) {
  options_.response_buffer = 64 * 1024;
  options_.response_spill = 0;
  make();
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  world_->turn();
  size_t taken = 0;
  const std::string piece = output(1, std::string(32'000, 'x'));
  for (int i = 0; i < 50; ++i) {
    const size_t count = backend_.put(world_->endpoint.far[0], piece);
    if (count == piece.size()) ++taken;
    if (count > 0 && count < piece.size()) break;
    world_->turn();
  }
  EXPECT_LT(taken, 8U);
  backend_.close(world_->endpoint.far[0]);
  Answer answer;
  loop_.root().spawn(World::read_all(std::move(conversation), answer));
  world_->turn(100);
  EXPECT_TRUE(answer.done);
  EXPECT_GE(answer.text.size(), taken * 32'000);
  EXPECT_EQ(answer.verdict.kind, Kind::kBroken);
}

TEST_F(FastcgiEndingsTest, WhoHasBeenGivenAllMayGo) {
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  world_->turn();
  conversation->let_go(Conversation::Debt::kPaid);
  conversation.reset();
  world_->turn();
  world_->sent();
  EXPECT_EQ(world_->book.live, 1);
  world_->answer(whole_answer(1, std::string(5000, 'x')));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0);
  EXPECT_EQ(world_->book.outcomes.back(), apps::Outcome::kAnswered);
}

}  // namespace
}  // namespace remuda::gateway::fastcgi
