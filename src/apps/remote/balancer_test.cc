// SPDX-License-Identifier: Apache-2.0
//
// Who gets the next request, and when a peer is down: with a clock that the test moves.
#include "apps/remote/balancer.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace remuda::apps::remote {
namespace {

using namespace std::chrono_literals;

base::Peer peer(std::string_view text) { return *base::parse_peer(text); }

class BalancerTest : public testing::Test {
 protected:
  uint64_t add(Balancer& balancer, std::string_view text) { return balancer.add(peer(text)); }

  // One request from its start to its end.
  uint64_t ask(Balancer& balancer, Outcome outcome = Outcome::kAnswered, Balancer::Wish wish = {}) {
    const uint64_t chosen = balancer.choose(wish, now).peer;
    if (chosen == 0) return 0;
    balancer.ended(balancer.started(chosen), outcome, now,
                   outcome == Outcome::kAnswered ? "" : "it broke off");
    return chosen;
  }

  std::map<uint64_t, int> ask_many(Balancer& balancer, int times) {
    std::map<uint64_t, int> got;
    for (int i = 0; i < times; ++i) ++got[ask(balancer)];
    return got;
  }

  void fail_until_down(Balancer& balancer, uint64_t only) {
    for (uint32_t i = 0; i < rules.fails; ++i) {
      balancer.ended(balancer.started(only), Outcome::kRefused, now, "refused");
    }
  }

  HealthRules rules{.fails = 3, .back_off = 1s, .back_off_most = 5s, .slow_start = 10s};
  loop::Time now{1000s};
};

TEST_F(BalancerTest, RoundRobinIsSmoothAndByWeight) {
  Balancer balancer(Policy::kRoundRobin, rules);
  const uint64_t heavy = add(balancer, "10.0.0.1:9000 weight=3");
  const uint64_t light = add(balancer, "10.0.0.2:9000");
  std::vector<uint64_t> order;
  for (int i = 0; i < 8; ++i) order.push_back(ask(balancer));
  EXPECT_EQ(order, (std::vector<uint64_t>{heavy, heavy, light, heavy, heavy, heavy, light, heavy}));
}

TEST_F(BalancerTest, TheLeastBusyForItsWeightIsNext) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t heavy = add(balancer, "10.0.0.1:9000 weight=2");
  const uint64_t light = add(balancer, "10.0.0.2:9000");
  std::map<uint64_t, int> busy;
  for (int i = 0; i < 9; ++i) {
    const uint64_t chosen = balancer.choose({}, now).peer;
    balancer.started(chosen);
    ++busy[chosen];
  }
  EXPECT_EQ(busy[heavy], 6);
  EXPECT_EQ(busy[light], 3);
  EXPECT_EQ(balancer.busy(), 9U);
}

TEST_F(BalancerTest, EqualPeersTakeTurns) {
  Balancer balancer(Policy::kLeastConnections, rules);
  for (const char* text : {"10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"}) add(balancer, text);
  for (const auto& [id, times] : ask_many(balancer, 30)) EXPECT_EQ(times, 10) << id;
}

TEST_F(BalancerTest, AKeyStaysWithItsPeerAndAPeerThatGoesMovesOnlyItsOwn) {
  Balancer balancer(Policy::kHash, rules);
  for (const char* text : {"10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000", "10.0.0.4:9000"})
    add(balancer, text);
  std::map<int, uint64_t> before;
  std::map<uint64_t, int> load;
  for (int key = 0; key < 400; ++key) {
    before[key] = ask(balancer, Outcome::kAnswered, {.key = hash_of(std::to_string(key))});
    ++load[before[key]];
  }
  for (const auto& [id, times] : load) EXPECT_NEAR(times, 100, 40) << id;
  const uint64_t gone = before[0];
  for (const auto& member : balancer.members()) {
    if (member.id == gone) balancer.drain(member.address);
  }
  for (int key = 0; key < 400; ++key) {
    const uint64_t after = ask(balancer, Outcome::kAnswered, {.key = hash_of(std::to_string(key))});
    if (before[key] != gone) {
      EXPECT_EQ(after, before[key]);
    } else {
      EXPECT_NE(after, gone);
    }
  }
}

TEST_F(BalancerTest, AKeyThatEverybodyWantsIsSharedOut) {
  Balancer balancer(Policy::kHash, rules);
  for (const char* text : {"10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"}) add(balancer, text);
  std::map<uint64_t, int> busy;
  for (int i = 0; i < 30; ++i) {
    const uint64_t chosen = balancer.choose({.key = hash_of("/hot")}, now).peer;
    balancer.started(chosen);
    ++busy[chosen];
  }
  for (const auto& [id, times] : busy) EXPECT_LE(times, 13) << id;
}

// The last request of a visitor may not have ended when the next one comes.
TEST_F(BalancerTest, AFewRequestsAtOnceStayTogether) {
  Balancer balancer(Policy::kHash, rules);
  for (const char* text : {"10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"}) add(balancer, text);
  const uint64_t its = balancer.choose({.key = hash_of("alice")}, now).peer;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(balancer.choose({.key = hash_of("alice")}, now).peer, its);
    balancer.started(its);
  }
  EXPECT_NE(balancer.choose({.key = hash_of("alice")}, now).peer, its);
}

TEST_F(BalancerTest, APeerThatIsFullGetsNothingMore) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000 concurrency=1");
  const auto turn = balancer.started(only);
  EXPECT_FALSE(balancer.has_room(now));
  const auto nobody = balancer.choose({}, now);
  EXPECT_EQ(nobody.peer, 0U);
  EXPECT_FALSE(nobody.all_down);
  balancer.ended(turn, Outcome::kAnswered, now);
  EXPECT_EQ(balancer.choose({}, now).peer, only);
}

TEST_F(BalancerTest, TheAvoidedOneIsChosenOnlyWhenThereIsNoOther) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t one = add(balancer, "10.0.0.1:9000");
  EXPECT_EQ(balancer.choose({.tried = std::array{one}}, now).peer, one);
  const uint64_t other = add(balancer, "10.0.0.2:9000");
  EXPECT_EQ(balancer.choose({.tried = std::array{one}}, now).peer, other);
  EXPECT_EQ(balancer.choose({.tried = std::array{other}}, now).peer, one);
}

TEST_F(BalancerTest, OneThatWasNotTriedGoesBeforeAllThatWereHoweverBusyItIs) {
  for (const Policy policy : {Policy::kLeastConnections, Policy::kRoundRobin, Policy::kHash}) {
    Balancer balancer(policy, rules);
    const uint64_t one = add(balancer, "10.0.0.1:9000");
    const uint64_t two = add(balancer, "10.0.0.2:9000");
    const uint64_t busy = add(balancer, "10.0.0.3:9000 concurrency=20");
    for (int i = 0; i < 10; ++i) balancer.started(busy);
    EXPECT_EQ(balancer.choose({.key = 5, .tried = std::array{one, two}}, now).peer, busy);
    for (int i = 0; i < 10; ++i) balancer.started(busy);  // it is full
    EXPECT_EQ(balancer.choose({.key = 5, .tried = std::array{one, two}}, now).peer, one);
    EXPECT_EQ(balancer.choose({.key = 5, .tried = std::array{one, two, one}}, now).peer, two);
  }
}

TEST_F(BalancerTest, FailuresInARowTakeAPeerDownAndItsBackOffDoubles) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  fail_until_down(balancer, only);
  const auto nobody = balancer.choose({}, now);
  EXPECT_TRUE(nobody.all_down);
  EXPECT_EQ(nobody.retry_at, now + 1s);
  for (const auto back_off : {2s, 4s, 5s, 5s}) {
    now = balancer.choose({}, now).retry_at;
    ASSERT_EQ(balancer.choose({}, now).peer, only);
    const auto trial = balancer.started(only);
    EXPECT_EQ(balancer.choose({}, now).peer, 0U) << "one trial at a time";
    balancer.ended(trial, Outcome::kRefused, now, "still refused");
    EXPECT_EQ(balancer.choose({}, now).retry_at, now + back_off);
  }
  EXPECT_EQ(balancer.status(now)[0].trouble, "still refused");
}

TEST_F(BalancerTest, AnAnswerBetweenFailuresForgivesThem) {
  Balancer balancer(Policy::kLeastConnections, rules);
  add(balancer, "10.0.0.1:9000");
  for (int i = 0; i < 10; ++i) {
    ask(balancer, Outcome::kFailed);
    ask(balancer, Outcome::kFailed);
    EXPECT_NE(ask(balancer), 0U);
  }
}

TEST_F(BalancerTest, ATrialThatIsGivenUpIsTriedAgain) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  fail_until_down(balancer, only);
  now += 1s;
  EXPECT_EQ(ask(balancer, Outcome::kGivenUp), only);
  EXPECT_EQ(ask(balancer), only);
  EXPECT_EQ(balancer.status(now)[0].state, PeerStatus::State::kSlowStart);
}

TEST_F(BalancerTest, APeerThatComesBackStartsSlowly) {
  Balancer balancer(Policy::kRoundRobin, rules);
  const uint64_t back = add(balancer, "10.0.0.1:9000");
  const uint64_t steady = add(balancer, "10.0.0.2:9000");
  fail_until_down(balancer, back);
  balancer.checked(back, {.evidence = Evidence::kAnswers}, now);
  auto got = ask_many(balancer, 110);
  EXPECT_NEAR(got[back], 10, 3);
  now += 5s;
  got = ask_many(balancer, 150);
  EXPECT_NEAR(got[back], 50, 5);
  now += 5s;
  got = ask_many(balancer, 100);
  EXPECT_NEAR(got[back], 50, 2);
  EXPECT_NEAR(got[steady], 50, 2);
}

TEST_F(BalancerTest, ChecksTakeDownAndBringBack) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  for (int i = 0; i < 3; ++i) balancer.checked(only, {Evidence::kIll, "answered 500"}, now);
  EXPECT_TRUE(balancer.choose({}, now).all_down);
  balancer.checked(only, {.evidence = Evidence::kAnswers}, now);
  EXPECT_EQ(balancer.choose({}, now).peer, only);
}

TEST_F(BalancerTest, DrainingRestoringRemoving) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t one = add(balancer, "10.0.0.1:9000");
  EXPECT_EQ(add(balancer, "10.0.0.1:9000"), 0U) << "it is there already";
  const auto turn = balancer.started(one);
  EXPECT_TRUE(balancer.drain("10.0.0.1:9000"));
  EXPECT_EQ(balancer.choose({}, now).peer, 0U);
  EXPECT_TRUE(balancer.restore("10.0.0.1:9000", now));
  EXPECT_EQ(balancer.choose({}, now).peer, one);
  EXPECT_TRUE(balancer.remove("10.0.0.1:9000"));
  EXPECT_FALSE(balancer.remove("10.0.0.1:9000"));
  EXPECT_TRUE(balancer.members().empty());
  EXPECT_EQ(balancer.busy(), 1U);
  EXPECT_FALSE(balancer.ended(turn, Outcome::kAnswered, now)) << "its last request";
  EXPECT_TRUE(balancer.status(now).empty());
  EXPECT_FALSE(balancer.drain("10.0.0.9:1"));
}

TEST_F(BalancerTest, AddingOneThatIsBeingRemovedKeepsItsNumber) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t one = add(balancer, "10.0.0.1:9000");
  const auto turn = balancer.started(one);
  balancer.remove("10.0.0.1:9000");
  EXPECT_EQ(add(balancer, "10.0.0.1:9000 weight=5"), one);
  EXPECT_TRUE(balancer.ended(turn, Outcome::kAnswered, now));
  EXPECT_EQ(balancer.status(now)[0].weight, 5U);
}

// Whatever happens, the peers' counts together are the requests under way.
TEST_F(BalancerTest, CountsAgreeWhateverHappens) {
  std::mt19937 random(7);
  for (const Policy policy : {Policy::kLeastConnections, Policy::kRoundRobin, Policy::kHash}) {
    Balancer balancer(policy, rules);
    std::vector<Balancer::Turn> under_way;
    for (int step = 0; step < 20'000; ++step) {
      now += std::chrono::milliseconds(random() % 50);
      const std::string address = "10.0.0." + std::to_string(random() % 6 + 1) + ":9000";
      switch (random() % 12) {
        case 0: balancer.add(peer(address + " concurrency=4")); break;
        case 1: balancer.remove(address); break;
        case 2: balancer.drain(address); break;
        case 3: balancer.restore(address, now); break;
        case 4:
        case 5:
        case 6:
        case 7: {
          const uint64_t chosen =
              balancer.choose({.key = random() % 3, .tried = std::array{uint64_t{random() % 8}}}, now).peer;
          if (chosen == 0) break;
          under_way.push_back(balancer.started(chosen));
          break;
        }
        default: {
          if (under_way.empty()) break;
          const size_t at = random() % under_way.size();
          balancer.ended(under_way[at], static_cast<Outcome>(random() % 6), now, "it failed");
          under_way.erase(under_way.begin() + static_cast<ptrdiff_t>(at));
        }
      }
      uint32_t sum = 0;
      for (const PeerStatus& each : balancer.status(now)) {
        sum += each.busy;
        ASSERT_LE(each.busy, 4U);
      }
      ASSERT_EQ(sum, under_way.size());
      ASSERT_EQ(balancer.busy(), under_way.size());
    }
  }
}

TEST_F(BalancerTest, AnAcceptedConnectionSaysNothingOfAPeerThatHangs) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t hangs = add(balancer, "10.0.0.1:9000");
  const uint64_t other = add(balancer, "10.0.0.2:9000");
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.ended(balancer.started(hangs), Outcome::kTimedOut, now);
  EXPECT_EQ(balancer.changes(), 1U);
  balancer.checked(hangs, {.evidence = Evidence::kAccepts}, now);
  EXPECT_EQ(balancer.choose({.tried = std::array{other}}, now).peer, other);
  balancer.checked(hangs, {.evidence = Evidence::kAnswers}, now);
  EXPECT_EQ(balancer.choose({.tried = std::array{other}}, now).peer, hangs);
  EXPECT_EQ(balancer.changes(), 2U);
  fail_until_down(balancer, hangs);
  balancer.checked(hangs, {.evidence = Evidence::kAccepts}, now);
  EXPECT_EQ(balancer.choose({.tried = std::array{other}}, now).peer, hangs);
}

TEST_F(BalancerTest, WhoIsCheckedByAnAnswerIsNotTriedByClients) {
  Balancer balancer(Policy::kLeastConnections, rules);
  balancer.set_comes_back(ComesBack::kByCheck);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  fail_until_down(balancer, only);
  now += 1h;
  EXPECT_TRUE(balancer.choose({}, now).all_down);
  balancer.checked(only, {.evidence = Evidence::kAnswers}, now);
  EXPECT_EQ(balancer.choose({}, now).peer, only);
}

// --- whose fault it is

// One bad URL, asked for again and again.
TEST_F(BalancerTest, RequestsAloneDoNotTakeTheLastPeerDown) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t one = add(balancer, "10.0.0.1:9000");
  const uint64_t two = add(balancer, "10.0.0.2:9000");
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(ask(balancer, Outcome::kFailed), 0U);
    EXPECT_NE(ask(balancer, Outcome::kTimedOut), 0U);
  }
  EXPECT_EQ(balancer.changes(), 1U) << "one of the two is enough";
  const uint64_t last = balancer.choose({}, now).peer;
  fail_until_down(balancer, last);
  EXPECT_EQ(balancer.choose({}, now).peer, last == one ? two : one)
      << "it took connections: it is called back";
  fail_until_down(balancer, last == one ? two : one);
  EXPECT_TRUE(balancer.choose({}, now).all_down) << "nobody takes any";
}

TEST_F(BalancerTest, WhoTakesTheTrialAndFailsIsUpIfNobodyElseIs) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  fail_until_down(balancer, only);
  now += 1s;
  ask(balancer, Outcome::kFailed);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(balancer, Outcome::kFailed), only);
  fail_until_down(balancer, only);
  EXPECT_TRUE(balancer.choose({}, now).all_down);
}

TEST_F(BalancerTest, WhoIsDrainedLeavesTheOthersToBeCalledBack) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t one = add(balancer, "10.0.0.1:9000");
  add(balancer, "10.0.0.2:9000");
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.ended(balancer.started(one), Outcome::kFailed, now);
  EXPECT_NE(balancer.choose({}, now).peer, one);
  balancer.drain("10.0.0.2:9000");
  EXPECT_EQ(balancer.choose({}, now).peer, one);
}

TEST_F(BalancerTest, WhoDeclinesIsWell) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  for (uint32_t i = 0; i < 2 * rules.fails; ++i) EXPECT_EQ(ask(balancer, Outcome::kDeclined), only);
  EXPECT_EQ(balancer.status(now)[0].failures, 0U);
  EXPECT_EQ(balancer.status(now)[0].trouble, "");
  fail_until_down(balancer, only);
  now += 1s;
  EXPECT_EQ(ask(balancer, Outcome::kDeclined), only) << "a trial that decides nothing";
  EXPECT_EQ(ask(balancer), only);
}

TEST_F(BalancerTest, SilenceSaysNothingOfWhoIsBusy) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t full = add(balancer, "10.0.0.1:9000 concurrency=1");
  const uint64_t other = add(balancer, "10.0.0.2:9000");
  const Check silent{Evidence::kSilent, "no answer", now};
  auto turn = balancer.started(full);
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.checked(full, silent, now);
  EXPECT_EQ(balancer.changes(), 0U) << "it has as many as it takes";
  balancer.ended(turn, Outcome::kAnswered, now);
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.checked(full, silent, now);
  EXPECT_EQ(balancer.changes(), 0U) << "it answered meanwhile";
  now += 1s;
  const Check later{Evidence::kSilent, "no answer", now};
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.checked(full, later, now);
  EXPECT_EQ(balancer.changes(), 1U) << "it has nothing to do";
  turn = balancer.started(other);
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.checked(other, later, now);
  EXPECT_EQ(balancer.changes(), 1U) << "the last, and perhaps these are all that it takes";
  balancer.ended(turn, Outcome::kGivenUp, now);
  for (uint32_t i = 0; i < rules.fails; ++i) balancer.checked(other, later, now);
  EXPECT_EQ(balancer.changes(), 2U);
}

TEST_F(BalancerTest, WhoIsWellShowsNoOldTrouble) {
  Balancer balancer(Policy::kLeastConnections, rules);
  add(balancer, "10.0.0.1:9000");
  ask(balancer, Outcome::kFailed);
  EXPECT_EQ(balancer.status(now)[0].trouble, "it broke off");
  ask(balancer);
  EXPECT_EQ(balancer.status(now)[0].trouble, "");
}

// Three long requests are under way when the peer goes down.
TEST_F(BalancerTest, OldRequestsDecideNothing) {
  Balancer balancer(Policy::kLeastConnections, rules);
  const uint64_t only = add(balancer, "10.0.0.1:9000");
  const auto first = balancer.started(only);
  const auto second = balancer.started(only);
  const auto third = balancer.started(only);
  fail_until_down(balancer, only);
  balancer.ended(first, Outcome::kAnswered, now);
  EXPECT_TRUE(balancer.choose({}, now).all_down);
  now += 1s;
  const auto trial = balancer.started(balancer.choose({}, now).peer);
  balancer.ended(second, Outcome::kRefused, now, "late");
  EXPECT_EQ(balancer.choose({}, now).retry_at, loop::kNever) << "the trial goes on";
  balancer.ended(trial, Outcome::kAnswered, now);
  EXPECT_EQ(balancer.choose({}, now).peer, only);
  balancer.ended(third, Outcome::kRefused, now, "late");
  EXPECT_EQ(balancer.status(now)[0].trouble, "");
}

TEST_F(BalancerTest, WhoIsRestoredOrAddedStartsSlowly) {
  Balancer balancer(Policy::kRoundRobin, rules);
  const uint64_t one = add(balancer, "10.0.0.1:9000");
  const uint64_t steady = add(balancer, "10.0.0.2:9000");
  balancer.drain("10.0.0.1:9000");
  ask_many(balancer, 10);
  balancer.restore("10.0.0.1:9000", now);
  EXPECT_NEAR(ask_many(balancer, 110)[one], 10, 3);
  now += 10s;
  EXPECT_NEAR(ask_many(balancer, 100)[one], 50, 2);
  const uint64_t added = balancer.add(peer("10.0.0.3:9000"), now);
  const auto got = ask_many(balancer, 210);
  EXPECT_NEAR(got.at(added), 10, 3);
  EXPECT_NEAR(got.at(steady), 100, 4);
}

}  // namespace
}  // namespace remuda::apps::remote
