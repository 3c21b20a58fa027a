// SPDX-License-Identifier: Apache-2.0
//
// What the group's book says of connections when requests come and go.
#include "apps/pool/group.h"

#include <gtest/gtest.h>

#include "loop/backend/deterministic.h"

namespace remuda::apps::pool {
namespace {

using namespace std::chrono_literals;

class FakeSeat final : public LoopSeat {
 public:
  explicit FakeSeat(loop::Loop& loop) : loop_(loop) {}
  loop::Loop& loop() override { return loop_; }
  void close_idle(uint64_t) override { ++closings; }
  void forget(uint64_t) override {}
  int closings = 0;

 private:
  loop::Loop& loop_;
};

TEST(Group, WhoLeavesAtTheMomentOfTheGrantLeavesTheKeptConnectionBehind) {
  loop::DeterministicBackend backend;
  loop::Loop loop(backend);
  Group group({.name = "blog"});
  const auto seat = std::make_shared<FakeSeat>(loop);
  const Wish here{.loop = group.sign_on(seat)};
  const Wish elsewhere{.loop = group.sign_on(std::make_shared<FakeSeat>(loop))};
  const auto instance = std::make_shared<Instance>();
  instance->id = 1;
  group.add(instance, loop);
  const loop::Time deadline = loop.now() + 1s;
  EXPECT_FALSE(std::get<Lent>(group.borrow(here, loop, deadline)).takes_kept);
  const auto waiter = std::get<std::shared_ptr<PoolWaiter>>(group.borrow(here, loop, deadline));
  group.give_back(instance, here, 1, Outcome::kAnswered, loop);
  EXPECT_TRUE(waiter->granted.takes_kept);
  EXPECT_FALSE(group.claim(*waiter, base::failure(ECANCELED, "wait"), loop));
  EXPECT_EQ(instance->busy, 0U);
  EXPECT_EQ(instance->loops[here.loop].idle, 1U);
  // It pins the process: whoever comes by another loop has it closed.
  EXPECT_TRUE(std::holds_alternative<Lent>(group.borrow(elsewhere, loop, deadline)));
  loop.turn(loop.now() + 1ms);
  EXPECT_EQ(seat->closings, 1);
  group.give_back(instance, elsewhere, 0, Outcome::kAnswered, loop);
}

}  // namespace
}  // namespace remuda::apps::pool
