// SPDX-License-Identifier: Apache-2.0
//
// Several requests over one FastCGI connection: ids, order, who is held up by whom, and what an application
// says about itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "gateway/fastcgi/connection.h"
#include "gateway/fastcgi/fastcgi_prober.h"
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

constexpr apps::Capacity kMany{.requests = 200, .connections = UINT32_MAX, .multiplexes = true};

const std::string kNo = record(10, 0, "\x0f\1FCGI_MPXS_CONNS0"s);

class FastcgiMultiplexingTest : public testing::FastcgiTest {
 protected:
  void SetUp() override {
    options_.multiplex = Multiplex::kOn;
    make();
  }
  // It is known to multiplex.
  void make() {
    FastcgiTest::make();
    world_->endpoint.its_capacity = kMany;
  }
  std::shared_ptr<Conversation> begin(Answer& answer) {
    auto conversation = world_->converse(get());
    conversation->begin(nullptr);
    loop_.root().spawn(World::read_all(conversation, answer));
    return conversation;
  }
};

TEST_F(FastcgiMultiplexingTest, RequestsShareAConnection) {
  std::array<Answer, 3> answers;
  for (Answer& answer : answers) world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), 1U);
  EXPECT_EQ(outline(world_->sent()), "1:1 4:1 4:1 5:1 1:2 4:2 4:2 5:2 1:3 4:3 4:3 5:3");
  world_->answer(output(2, "se") + output(1, "first") + output(2, "cond") + end_request(2) + output(3, "th"));
  world_->turn();
  EXPECT_TRUE(answers[1].done);
  EXPECT_EQ(answers[1].text, "second");
  EXPECT_FALSE(answers[0].done);
  world_->answer(end_request(1) + whole_answer(3, "ird"));
  world_->turn();
  EXPECT_EQ(answers[0].text, "first");
  EXPECT_EQ(answers[2].text, "third");
  EXPECT_EQ(idle(), 1U);
}

TEST_F(FastcgiMultiplexingTest, WhatBeginsInOneTurnGoesInOneSend) {
  Answer warm;
  world_->ask(warm, get());
  world_->turn();
  world_->answer(whole_answer(1, "x"));
  world_->turn();
  world_->sent();
  std::array<Answer, 20> answers;
  for (Answer& answer : answers) world_->ask(answer, get());
  const size_t before = backend_.operations_started();
  world_->turn(1);
  EXPECT_LE(backend_.operations_started() - before, 2U);
  EXPECT_EQ(testing::read_records(world_->sent()).size(), 80U);
  for (int id = 1; id <= 20; ++id) world_->answer(whole_answer(id, "x"));
  world_->turn();
  for (Answer& answer : answers) EXPECT_TRUE(answer.done);
}

TEST_F(FastcgiMultiplexingTest, AnIdIsUsedAgainOnlyAfterItsEnd) {
  Answer gone;
  Answer other;
  auto conversation = begin(gone);
  world_->ask(other, get());
  world_->turn();
  world_->sent();
  conversation->scope().cancel(ECONNRESET);
  conversation.reset();
  world_->turn();
  EXPECT_TRUE(gone.done);
  EXPECT_EQ(outline(world_->sent()), "2:1") << "abort by record, not by closing";
  Answer next;
  world_->ask(next, get());
  world_->turn();
  EXPECT_EQ(outline(world_->sent()), "1:3 4:3 4:3 5:3");
  world_->answer(output(1, "late") + end_request(1) + whole_answer(2, "other"));
  world_->turn();
  EXPECT_EQ(other.text, "other");
  Answer again;
  world_->ask(again, get());
  world_->turn();
  EXPECT_EQ(outline(world_->sent()), "1:1 4:1 4:1 5:1");
  world_->answer(whole_answer(1, "again") + whole_answer(3, "next"));
  world_->turn();
  EXPECT_EQ(next.text, "next");
  EXPECT_EQ(again.text, "again");
}

TEST_F(FastcgiMultiplexingTest, WhoDoesNotStopIsLeft) {
  options_.time_limit = 10s;
  make();
  Answer gone;
  Answer other;
  auto conversation = begin(gone);
  world_->ask(other, get());
  world_->turn();
  backend_.after(12s, [&] { world_->answer(whole_answer(2, "other")); });
  conversation->scope().cancel(ETIMEDOUT);
  conversation.reset();
  world_->turn();
  EXPECT_EQ(gone.verdict.status, 504);
  options_.time_limit = 10s;
  loop_.run();
  EXPECT_EQ(world_->book.live, 0);
  EXPECT_THAT(world_->book.terminated, ::testing::Contains("its time limit passed"));
}

TEST_F(FastcgiMultiplexingTest, WhatNobodyWaitsForDoesNotHoldAConnection) {
  Answer gone;
  Answer other;
  auto conversation = begin(gone);
  world_->ask(other, get());
  world_->turn();
  conversation->scope().cancel(ETIMEDOUT);
  conversation.reset();
  for (int i = 0; i < 100 && world_->book.live > 1; ++i) loop_.turn(loop_.now() + 1s);
  EXPECT_EQ(world_->book.terminated.size(), 1U) << "it did not stop";
  EXPECT_FALSE(other.done);
  world_->answer(whole_answer(2, "other"));
  world_->turn();
  EXPECT_TRUE(other.done);
  world_->sent();
  EXPECT_TRUE(backend_.input_ended(world_->endpoint.far[0])) << "nobody waits for the first one's end";
}

TEST_F(FastcgiMultiplexingTest, OneConnectionIsOne) {
  world_->endpoint.its_capacity = {.requests = 200, .connections = 1, .multiplexes = true};
  std::vector<Answer> answers(Connection::kMostAtOnce + 2);
  for (Answer& answer : answers) world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), 1U);
  for (size_t i = 1; i <= answers.size(); ++i) world_->answer(whole_answer(static_cast<int>(i), "x"));
  world_->turn();
  for (const Answer& answer : answers) EXPECT_TRUE(answer.done);
}

TEST_F(FastcgiMultiplexingTest, FallsBackWhenItIsRefused) {
  world_->endpoint.its_capacity = {.requests = 100, .connections = UINT32_MAX, .multiplexes = true};
  Answer first;
  Answer second;
  world_->ask(first, get());
  world_->ask(second, get());
  world_->turn();
  world_->answer(end_request(2, 1));
  world_->turn();
  EXPECT_EQ(second.verdict.kind, Kind::kNotBegun);
  EXPECT_EQ(world_->endpoint.its_capacity, apps::Capacity{}) << "one at a time, over one connection";
  world_->ask(second, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), 2U);
  world_->answer(whole_answer(1, "first"));
  world_->answer(whole_answer(1, "second"), 1);
  world_->turn();
  EXPECT_EQ(first.text, "first");
  EXPECT_EQ(second.text, "second");
}

TEST_F(FastcgiMultiplexingTest, OneThatBreaksTheProtocolEndsAll) {
  Answer first;
  Answer second;
  world_->ask(first, get());
  world_->ask(second, get());
  world_->turn();
  world_->answer(output(1, "x") + output(0, "y"));
  world_->turn();
  EXPECT_EQ(first.verdict.kind, Kind::kBroken);
  EXPECT_EQ(second.verdict.kind, Kind::kUnknown) << "nothing of it came: it may be sent again";
  EXPECT_EQ(second.verdict.status, 502);
}

TEST_F(FastcgiMultiplexingTest, ASlowClientHoldsUpNobody) {
  options_.response_buffer = 64 * 1024;
  options_.response_spill = 1024 * 1024;
  make();
  auto slow = world_->converse(get());
  slow->begin(nullptr);
  world_->turn();
  const std::string piece(32'000, 'x');
  for (int i = 0; i < 20; ++i) {
    world_->answer(output(1, piece));
    Answer quick;
    world_->ask(quick, get());
    world_->turn();
    world_->answer(whole_answer(2, "quick"));
    world_->turn();
    EXPECT_TRUE(quick.done) << i;
  }
  EXPECT_EQ(slow->stopped(), 0);
  for (int i = 0; i < 30; ++i) {
    world_->answer(output(1, piece));
    world_->turn();
  }
  EXPECT_EQ(slow->stopped(), ENOBUFS) << "beyond what is kept for it, it alone is given up";
  EXPECT_NE(outline(world_->sent()).find("2:1"), std::string::npos);
  world_->answer(end_request(1));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0);
  EXPECT_EQ(idle(), 1U);
}

// A disk that does nothing until it may.
class StalledDisk : public FastcgiMultiplexingTest {
 protected:
  void SetUp() override {
    options_.multiplex = Multiplex::kOn;
    options_.response_buffer = 64 * 1024;
    options_.response_spill = 16 * 1024 * 1024;
    backend_.set_clock(loop::ClockMode::kByTest);
  }
  void TearDown() override {
    if (!disk_goes_.try_wait()) disk_goes_.count_down();
    slow_.reset();
    EXPECT_TRUE(until([&] { return loop_.root().children() == 0; }));
    backend_.set_clock(loop::ClockMode::kJumps);
  }
  void make() {
    world_.emplace(backend_, loop_, options_, 1);
    world_->endpoint.its_capacity = kMany;
    loop_.root().spawn([](StalledDisk& its) -> loop::Task<void> {
      co_await its.world_->offload.run(its.loop_, [&its] {
        its.disk_goes_.wait();
        return base::Result<void>();
      });
    }(*this));
    slow_ = world_->converse(get());
    slow_->begin(nullptr);
    world_->turn();
  }
  // Pieces: 3 for the client, 3 on their way to the disk, 7 are more than twice the buffer and what goes to
  // the disk at once.
  static constexpr int kTooMany = 13;
  // More of the answer that nobody takes.
  void add(int pieces) {
    for (int i = 0; i < pieces; ++i) {
      world_->answer(output(1, std::string(32'000, 'x')));
      world_->turn();
    }
  }
  void ask_quick() {
    world_->ask(quick_, get());
    world_->turn();
    world_->answer(whole_answer(2, "quick"));
    world_->turn();
  }
  template <typename Condition>
  bool until(Condition condition) {
    for (int i = 0; i < 5000 && !condition(); ++i) {
      std::this_thread::sleep_for(1ms);
      world_->turn();
    }
    return condition();
  }

  std::latch disk_goes_{1};
  std::shared_ptr<Conversation> slow_;
  Answer quick_;
};

TEST_F(StalledDisk, HoldsUpNobodyForLong) {
  make();
  add(8);
  ask_quick();
  EXPECT_TRUE(quick_.done) << "there is an overdraft";
  add(kTooMany - 8);
  quick_ = {};
  ask_quick();
  EXPECT_FALSE(quick_.done);
  EXPECT_EQ(slow_->stopped(), 0);
  backend_.advance(201ms);
  world_->turn();
  EXPECT_EQ(slow_->stopped(), ENOBUFS) << "that request ends alone";
  EXPECT_TRUE(quick_.done);
  world_->answer(end_request(1));
  disk_goes_.count_down();
  EXPECT_TRUE(until([&] { return world_->book.live == 0; }));
}

TEST_F(StalledDisk, IsWaitedForAMoment) {
  make();
  add(kTooMany);
  ask_quick();
  EXPECT_FALSE(quick_.done);
  disk_goes_.count_down();
  EXPECT_TRUE(until([&] { return quick_.done; }));
  backend_.advance(1s);
  world_->turn();
  EXPECT_EQ(slow_->stopped(), 0);
  world_->answer(end_request(1));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0);
}

TEST_F(StalledDisk, ThatFailsEndsOneRequest) {
  options_.spool_directory = "/no/such/directory";
  make();
  const loop::Time began = loop_.now();
  add(kTooMany);
  disk_goes_.count_down();
  ask_quick();
  EXPECT_TRUE(until([&] { return quick_.done; }));
  EXPECT_EQ(loop_.now(), began) << "not because time passed";
  add(1);
  EXPECT_EQ(slow_->stopped(), ENOBUFS);
  world_->answer(end_request(1));
  world_->turn();
  EXPECT_EQ(world_->book.live, 0);
}

TEST_F(FastcgiMultiplexingTest, ManyOpenAnotherConnection) {
  std::vector<Answer> answers(Connection::kMostAtOnce + 2);
  for (Answer& answer : answers) world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), 2U);
  for (size_t i = 1; i <= Connection::kMostAtOnce; ++i)
    world_->answer(whole_answer(static_cast<int>(i), "x"));
  world_->answer(whole_answer(1, "x") + whole_answer(2, "x"), 1);
  world_->turn();
  for (const Answer& answer : answers) EXPECT_TRUE(answer.done);
  EXPECT_EQ(idle(), 2U);
}

TEST_F(FastcgiMultiplexingTest, WaitsTogetherForAConnectionThatFails) {
  world_->endpoint.delay = 1s;
  world_->endpoint.refuse = ECONNREFUSED;
  std::array<Answer, 3> answers;
  for (Answer& answer : answers) world_->ask(answer, get());
  loop_.run();
  for (const Answer& answer : answers) {
    EXPECT_TRUE(answer.done);
    EXPECT_EQ(answer.verdict.kind, Kind::kNotBegun);
  }
  EXPECT_EQ(world_->book.live, 0);
}

// --- GET_VALUES

TEST_F(FastcgiMultiplexingTest, AsksOnceOverAConnectionOfItsOwn) {
  options_.multiplex = Multiplex::kAuto;
  FastcgiTest::make();
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  ASSERT_EQ(world_->endpoint.far.size(), 2U);
  const std::string first = world_->sent(0);
  const std::string second = world_->sent(1);
  const bool asked_first = outline(first) == "9:0";
  EXPECT_EQ(outline(asked_first ? first : second), "9:0");
  const size_t asking = asked_first ? 0 : 1;
  world_->answer(record(10, 0, "\x0f\1FCGI_MPXS_CONNS1\x0d\2FCGI_MAX_REQS50"s), asking);
  world_->turn();
  EXPECT_EQ(world_->endpoint.its_capacity,
            (apps::Capacity{.requests = 50, .connections = UINT32_MAX, .multiplexes = true}));
  world_->answer(whole_answer(1, "x"), 1 - asking);
  world_->turn();
  EXPECT_TRUE(answer.done);
  Answer third;
  world_->ask(third, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), 2U);
  world_->answer(whole_answer(1, "x"), 1 - asking);
  world_->turn();
  EXPECT_TRUE(third.done);
}

TEST_F(FastcgiMultiplexingTest, WhoDoesNotAnswerDelaysNobody) {
  options_.multiplex = Multiplex::kAuto;
  FastcgiTest::make();
  const loop::Time began = loop_.now();
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  const size_t asking = outline(world_->sent(0)) == "9:0" ? 0 : 1;
  world_->answer(whole_answer(1, "x"), 1 - asking);
  world_->turn();
  EXPECT_TRUE(answer.done);
  EXPECT_EQ(loop_.now(), began);
  loop_.run();
  EXPECT_EQ(world_->book.live, 0);
  EXPECT_LE(loop_.now() - began, 20ms);
  EXPECT_FALSE(world_->endpoint.its_capacity.multiplexes);
  world_->sent(asking);
  EXPECT_TRUE(backend_.input_ended(world_->endpoint.far[asking]));
}

TEST_F(FastcgiMultiplexingTest, IsAskedAgainAfterAWhile) {
  options_.multiplex = Multiplex::kAuto;
  FastcgiTest::make();
  world_->endpoint.rules.idle = 0;
  backend_.set_clock(loop::ClockMode::kByTest);
  size_t asked = 0;
  world_->endpoint.connected = [&](int far) {
    loop_.root().spawn(testing::serve_fastcgi(
        loop_, far, [](int request, const std::string&) { return whole_answer(request, "x"); }));
  };
  for (int i = 0; i < 40; ++i) {
    const size_t before = world_->endpoint.far.size();
    Answer answer;
    world_->ask(answer, get());
    world_->turn();
    backend_.advance(6s);
    world_->turn();
    EXPECT_TRUE(answer.done);
    asked += world_->endpoint.far.size() - before - 1;
  }
  EXPECT_EQ(asked, 3U) << "at once, after one minute and after two more";
  world_->endpoint.its_generation = 2;
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), 40 + asked + 2) << "another program, perhaps";
  backend_.set_clock(loop::ClockMode::kJumps);
}

TEST_F(FastcgiMultiplexingTest, WhoSaysNoIsNotAskedAgain) {
  options_.multiplex = Multiplex::kAuto;
  FastcgiTest::make();
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  const size_t asking = outline(world_->sent(0)) == "9:0" ? 0 : 1;
  world_->answer(kNo, asking);
  world_->answer(whole_answer(1, "x"), 1 - asking);
  world_->turn();
  backend_.advance(24h);
  world_->turn();
  exchange(2);
  EXPECT_EQ(world_->endpoint.far.size(), 3U) << "the idle one had its time";
}

TEST(FastcgiMultiplexingUnderEveryFailure, LeavesNothingBehind) {
  const std::string variables = "REQUEST_METHOD=GET\0"s;
  const auto complaints =
      loop::run_under_every_failure([&](loop::DeterministicBackend& backend, loop::Loop& loop) {
        WireOptions options;
        options.multiplex = Multiplex::kOn;
        options.time_limit = 20s;
        options.response_buffer = 2048;
        testing::ConversationWorld<FastcgiWire> world(backend, loop, options);
        world.endpoint.rules.idle_time = 1s;
        world.endpoint.connected = [&](int far) {
          loop.root().spawn(testing::serve_fastcgi(loop, far, [](int request, const std::string&) {
            return whole_answer(request, std::string(10'000, 'x'));
          }));
        };
        std::array<Answer, 3> answers;
        for (Answer& answer : answers) world.ask(answer, {.variables = variables});
        auto left = world.converse({.variables = variables});
        left->begin(nullptr);
        loop.turn(loop.now());
        left->scope().cancel(ECONNRESET);
        left.reset();
        loop.run();
        EXPECT_EQ(world.book.live, 0);
        for (const Answer& answer : answers) {
          EXPECT_TRUE(answer.done);
          if (!backend.has_failed()) EXPECT_EQ(answer.text, std::string(10'000, 'x'));
        }
      });
  EXPECT_THAT(complaints, ::testing::IsEmpty());
}

}  // namespace
}  // namespace remuda::gateway::fastcgi
