// SPDX-License-Identifier: Apache-2.0
//
// An application that is known to multiplex, by configuration: it is asked how much before the first request.
#include <gtest/gtest.h>

#include "gateway/testing/fastcgi_fixture.h"

namespace remuda::gateway::fastcgi {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::Answer;
using testing::end_request;
using testing::outline;
using testing::record;
using testing::whole_answer;
using Kind = Verdict::Kind;

class KnownToMultiplex : public testing::FastcgiTest {
 protected:
  void SetUp() override {
    options_.multiplex = Multiplex::kOn;
    FastcgiTest::make();
    for (Answer& answer : answers_) world_->ask(answer, get());
    world_->turn();
    ASSERT_EQ(world_->endpoint.far.size(), 1U);
    EXPECT_EQ(outline(world_->sent()), "1:1 1:2 9:0");
  }
  void TearDown() override { world_.reset(); }  // before the answers, which it may still write to
  void tell(std::string_view values) {
    world_->answer(record(10, 0, values));
    world_->turn();
  }
  // One connection after the other, as they come.
  void serve_in_turn() {
    for (size_t i = 1; i < world_->endpoint.far.size(); ++i) {
      EXPECT_EQ(outline(world_->sent(i)), "1:1 4:1 4:1 5:1");
      world_->answer(whole_answer(1, "x"), i);
      world_->turn();
    }
    for (const Answer& answer : answers_) EXPECT_EQ(answer.text, "x");
  }
  std::array<Answer, 3> answers_;
};

TEST_F(KnownToMultiplex, ItSaysHowMany) {
  tell("\x0f\1FCGI_MPXS_CONNS1\x0e\1FCGI_MAX_CONNS2\x0d\3FCGI_MAX_REQS999"s);
  EXPECT_EQ(world_->endpoint.its_capacity,
            (apps::Capacity{.requests = 2 * 128, .connections = 2, .multiplexes = true}))
      << "no more than there are places on its connections";
  serve_in_turn();
  EXPECT_LE(idle(), 2U);
  const size_t before = world_->endpoint.far.size();
  for (Answer& answer : answers_) world_->ask(answer = {}, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), before);
}

TEST_F(KnownToMultiplex, ItSaysNothing) {
  backend_.advance(101ms);
  world_->turn();
  EXPECT_EQ(world_->endpoint.its_capacity,
            (apps::Capacity{.requests = 64, .connections = UINT32_MAX, .multiplexes = true}));
  serve_in_turn();
}

TEST_F(KnownToMultiplex, ItClosesTheConnection) {
  backend_.close(world_->endpoint.far[0]);
  world_->turn();
  EXPECT_EQ(world_->endpoint.its_capacity, apps::Capacity{});
  serve_in_turn();
}

TEST_F(KnownToMultiplex, ItRefusesASecondRequest) {
  world_->endpoint.its_capacity = {.requests = 8, .connections = 8};
  world_->answer(end_request(2, 1));
  world_->turn();
  EXPECT_EQ(world_->endpoint.its_capacity, apps::Capacity{});
  serve_in_turn();
  EXPECT_EQ(idle(), 1U) << "one that rests is not in the way of others";
  const size_t before = world_->endpoint.far.size();
  Answer next;
  world_->ask(next, get());
  world_->turn();
  EXPECT_EQ(world_->endpoint.far.size(), before) << "not asked again, and the connection was kept";
  world_->answer(whole_answer(1, "x"), before - 1);
  world_->turn();
  EXPECT_TRUE(next.done);
}

TEST_F(KnownToMultiplex, NoConnectionAtAll) {
  make();
  world_->endpoint.its_capacity = {};
  world_->endpoint.refuse = ECONNREFUSED;
  Answer answer;
  world_->ask(answer, get());
  world_->turn();
  EXPECT_EQ(answer.verdict.kind, Kind::kNotBegun);
  EXPECT_EQ(world_->book.live, 0);
}

TEST_F(KnownToMultiplex, WhoseClientsLeaveMeanwhile) {
  FastcgiTest::make();
  auto conversation = world_->converse(get());
  conversation->begin(nullptr);
  world_->turn();
  conversation->scope().cancel(ECONNRESET);
  conversation.reset();
  loop_.run();
  EXPECT_EQ(world_->book.live, 0);
}

}  // namespace
}  // namespace remuda::gateway::fastcgi
