// SPDX-License-Identifier: Apache-2.0
//
// Who gets the next request, and whose idle connections have to go for it.
#include "apps/pool/ledger.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace remuda::apps::pool {
namespace {

using namespace std::chrono_literals;

class LedgerTest : public testing::Test {
 protected:
  std::shared_ptr<Instance> add(Capacity capacity = {}) {
    auto instance = std::make_shared<Instance>();
    instance->id = ++last_id_;
    instance->state = Instance::State::kReady;
    instance->capacity = capacity;
    ledger_.add(instance);
    return instance;
  }
  // Lends for a loop; null if nobody has room.
  std::shared_ptr<Instance> lend(Wish wish) {
    auto instance = ledger_.choose(wish);
    to_close_.clear();
    if (instance != nullptr) ledger_.lend(*instance, wish, now_ += 1ms, to_close_);
    return instance;
  }
  void take_back(Instance& instance, uint32_t loop, uint32_t idle) {
    ledger_.take_back(instance, {.loop = loop}, idle, now_ += 1ms);
  }

  Ledger ledger_;
  std::vector<uint32_t> to_close_;
  loop::Time now_ = loop::Time{} + 1h;
  uint64_t last_id_ = 0;
};

TEST_F(LedgerTest, TheMostRecentlyUsedIsNext) {
  const auto one = add();
  const auto two = add();
  lend({});
  lend({});
  take_back(*two, 0, 0);
  take_back(*one, 0, 0);
  EXPECT_EQ(lend({}), one);
  EXPECT_EQ(lend({}), two);
  EXPECT_EQ(lend({}), nullptr);
}

TEST_F(LedgerTest, AnIdleConnectionOfThisLoopIsWorthMore) {
  const auto one = add();
  const auto two = add();
  EXPECT_EQ(lend({.loop = 1, .tried = std::array{two->id}}), one);
  EXPECT_EQ(lend({.loop = 0}), two);
  take_back(*one, 1, 1);
  take_back(*two, 0, 1);
  EXPECT_EQ(lend({.loop = 1}), one);
  EXPECT_TRUE(to_close_.empty());
}

TEST_F(LedgerTest, WhoWasTriedIsLentOnlyIfThereIsNoOtherAndInTurn) {
  const auto one = add();
  const auto two = add();
  const auto three = add({.requests = 2, .connections = 2});
  EXPECT_EQ(lend({.tried = std::array{one->id, two->id}}), three);  // busy or not
  EXPECT_EQ(lend({.tried = std::array{one->id, two->id}}), three);
  EXPECT_EQ(lend({.tried = std::array{two->id, one->id}}), two);
  take_back(*two, 0, 0);
  EXPECT_EQ(lend({.tried = std::array{two->id, one->id, two->id}}), one);
}

TEST_F(LedgerTest, AnotherLoopsIdleConnectionIsClosedForIt) {
  const auto one = add();
  lend({.loop = 0});
  take_back(*one, 0, 1);
  EXPECT_EQ(lend({.loop = 1}), one);
  EXPECT_EQ(to_close_, std::vector<uint32_t>{0});
  take_back(*one, 1, 1);
  EXPECT_EQ(lend({.loop = 1}), one);
  EXPECT_TRUE(to_close_.empty());
}

TEST_F(LedgerTest, IdleConnectionsStayWhileThereIsRoomForOneMore) {
  const auto one = add({.requests = 2, .connections = 2});
  lend({.loop = 0});
  take_back(*one, 0, 1);
  EXPECT_EQ(lend({.loop = 1}), one);
  EXPECT_TRUE(to_close_.empty());
  EXPECT_EQ(lend({.loop = 1}), one);
  EXPECT_EQ(to_close_, std::vector<uint32_t>{0});
  EXPECT_EQ(lend({.loop = 0}), nullptr);
}

TEST_F(LedgerTest, RequestsOfOneLoopShareAConnectionThoseOfTwoDoNot) {
  const auto one = add({.requests = 10, .connections = 1, .multiplexes = true});
  EXPECT_EQ(lend({.loop = 0}), one);
  EXPECT_EQ(lend({.loop = 0}), one);
  EXPECT_EQ(lend({.loop = 1}), nullptr);
  take_back(*one, 0, 0);
  EXPECT_EQ(lend({.loop = 1}), nullptr);
  take_back(*one, 0, 1);
  EXPECT_EQ(lend({.loop = 1}), one);
  EXPECT_EQ(to_close_, std::vector<uint32_t>{0});
}

TEST_F(LedgerTest, NeitherDrainingNorDoubtfulOnesAreLent) {
  const auto one = add();
  const auto two = add();
  one->state = Instance::State::kDraining;
  two->doubtful = true;
  EXPECT_EQ(lend({}), nullptr);
  two->doubtful = false;
  EXPECT_EQ(lend({}), two);
}

TEST_F(LedgerTest, AKeyStaysAndMovesOnlyWhenItsInstanceGoes) {
  std::vector<std::shared_ptr<Instance>> all;
  for (int i = 0; i < 4; ++i) all.push_back(add({.requests = 100, .connections = 100}));
  std::map<uint64_t, uint64_t> homes;
  for (int i = 0; i < 100; ++i) {
    const uint64_t key = hash_of_key("key" + std::to_string(i));
    homes[key] = lend({.key = key})->id;
  }
  ledger_.remove(*all[3]);
  for (const auto& [key, home] : homes) {
    const uint64_t now = ledger_.choose({.key = key})->id;
    EXPECT_TRUE(home == all[3]->id ? now != home : now == home);
  }
}

TEST_F(LedgerTest, WithOneRequestItsNumberIsKnown) {
  const auto one = add({.requests = 2, .connections = 2});
  lend({.request = 7});
  EXPECT_EQ(one->running, 7U);
  lend({.request = 9});
  ledger_.take_back(*one, {.request = 7}, 0, now_);
  EXPECT_EQ(one->running, 9U);
}

// Whatever happens, nobody is lent beyond what it takes, and nothing is counted twice.
TEST_F(LedgerTest, InvariantsHoldInAnyOrder) {
  std::mt19937 random(1);
  for (uint32_t i = 1; i <= 5; ++i) add({.requests = i, .connections = i, .multiplexes = i == 3});
  std::vector<std::pair<std::shared_ptr<Instance>, Wish>> out;
  for (int step = 0; step < 20000; ++step) {
    if (random() % 2 == 0) {
      const Wish wish{.loop = static_cast<uint32_t>(random() % 3), .request = random(), .key = random() % 4};
      if (auto instance = lend(wish)) out.emplace_back(std::move(instance), wish);
    } else if (!out.empty()) {
      std::swap(out[random() % out.size()], out.back());
      ledger_.take_back(*out.back().first, out.back().second, random() % 2, now_ += 1us);
      out.pop_back();
    }
    size_t busy = 0;
    for (const auto& each : ledger_.instances()) {
      EXPECT_LE(each->busy, each->capacity.requests);
      busy += each->busy;
    }
    ASSERT_EQ(busy, out.size());
  }
  while (!out.empty()) {
    ledger_.take_back(*out.back().first, out.back().second, 0, now_);
    out.pop_back();
  }
  for (const auto& each : ledger_.instances()) EXPECT_EQ(each->running, 0U);
}

}  // namespace
}  // namespace remuda::apps::pool
