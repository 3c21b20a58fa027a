// SPDX-License-Identifier: Apache-2.0
//
// What is pure arithmetic in the pool: population, size, budget, labels, the machine's own words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/pool/budget.h"
#include "apps/pool/label.h"
#include "apps/pool/machine.h"
#include "apps/pool/population.h"
#include "apps/pool/sizing.h"

namespace remuda::apps::pool {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMebibyte = 1 << 20;

TEST(Population, Starts) {
  const Bounds bounds{.min = 1, .max = 8, .spare = 0, .each = 1, .at_once = 2, .patience = 20ms};
  EXPECT_EQ(starts_wanted({}, bounds), 1U);
  EXPECT_EQ(starts_wanted({.starting = 1}, bounds), 0U);
  EXPECT_EQ(starts_wanted({.ready = 1, .busy = 1, .waiting = 5, .pressed_for = 5ms}, bounds), 0U);
  EXPECT_EQ(starts_wanted({.ready = 1, .busy = 1, .waiting = 5, .pressed_for = 20ms}, bounds), 2U);
  EXPECT_EQ(starts_wanted({.ready = 1, .starting = 1, .busy = 1, .waiting = 1, .pressed_for = 1s}, bounds),
            0U);
  EXPECT_EQ(starts_wanted({.ready = 8, .busy = 8, .waiting = 90, .pressed_for = 1s}, bounds), 0U);
  EXPECT_EQ(starts_wanted({.ready = 7, .busy = 7, .waiting = 90, .pressed_for = 1s}, bounds), 1U);
}

TEST(Population, SparesAndSeveralAtOnce) {
  const Bounds bounds{.min = 0, .max = 8, .spare = 2, .each = 10, .at_once = 8, .patience = 20ms};
  EXPECT_EQ(starts_wanted({.ready = 2}, bounds), 0U);
  EXPECT_EQ(starts_wanted({.ready = 2, .busy = 2}, bounds), 2U);
  EXPECT_EQ(starts_wanted({.ready = 4, .busy = 4, .waiting = 35, .pressed_for = 1s}, bounds), 4U);
}

TEST(Population, Surplus) {
  const Bounds bounds{.min = 2, .max = 8, .spare = 1};
  EXPECT_EQ(surplus({.ready = 5, .busy = 0}, bounds), 3U);
  EXPECT_EQ(surplus({.ready = 5, .busy = 4}, bounds), 0U);
  EXPECT_EQ(surplus({.ready = 5, .waiting = 1}, bounds), 0U);
}

TEST(Sizing, TheSmallerOfMemoryAndCores) {
  const Means means{.memory = 1000 * kMebibyte, .cores = 4};
  EXPECT_EQ(size({}, {.each = 100 * kMebibyte, .computes = 0.5}, means).max, 8U);
  EXPECT_EQ(size({}, {.each = 250 * kMebibyte, .computes = 0.5}, means).max, 4U);
  EXPECT_EQ(size({}, {.each = 20 * kMebibyte, .computes = 0.1}, means).max, 40U);
  EXPECT_EQ(size({}, {}, means).max, 16U);  // as assumed
}

TEST(Sizing, NeverBelowWhatWasPromised) {
  const Means poor{.memory = 0, .cores = 1};
  EXPECT_EQ(size({}, {}, poor).max, 1U);
  EXPECT_EQ(size({.min = 3}, {}, poor).max, 3U);
  EXPECT_EQ(size({.min = 1, .guaranteed = 5}, {}, poor).max, 5U);
  EXPECT_EQ(size({.max = 7}, {}, poor).max, 7U);
  EXPECT_EQ(size({.min = 2, .max = 1}, {}, poor).max, 2U);
}

TEST(Sizing, TheArithmeticInWords) {
  const auto lines = to_lines({}, {.each = 100 * kMebibyte, .computes = 0.5, .instances = 3},
                              {.memory = 1000 * kMebibyte, .cores = 4, .memory_from = "configured"});
  EXPECT_THAT(
      lines, testing::ElementsAre("memory for it: 1000.0 MiB (configured)",
                                  "one instance: 100.0 MiB of PSS, measured on 3",
                                  "by memory: 1000.0 MiB / 100.0 MiB = 10",
                                  "of its time at work, one computes 50 percent", "by cores: 4 / 0.50 = 8",
                                  "max = 8: the smaller of the two, at least 1, min (0) and guaranteed (0)"));
}

TEST(Sizing, TheShareIsTheHighestOfLate) {
  ComputeShare share;
  share.add(50ms, 100ms);
  EXPECT_DOUBLE_EQ(share.value(), 0.5);
  share.add(10ms, 1s);  // starved of cores
  EXPECT_NEAR(share.value(), 0.49, 0.001);
  share.add(0ms, 1ms);  // too short to say anything
  EXPECT_NEAR(share.value(), 0.49, 0.001);
  share.add(2s, 1s);
  EXPECT_DOUBLE_EQ(share.value(), 1.0);
}

TEST(Budget, GuaranteesComeBeforeBursts) {
  Budget budget({.instances = 4});
  const size_t blog = budget.add({.guaranteed = 1});
  const size_t shop = budget.add({.guaranteed = 2});
  budget.claim(blog).held = 1;
  EXPECT_TRUE(budget.allows(blog));
  budget.claim(blog).held = 2;
  EXPECT_FALSE(budget.allows(blog));
  EXPECT_TRUE(budget.allows(shop));
  budget.claim(shop).held = 2;
  EXPECT_FALSE(budget.allows(shop));
}

TEST(Budget, MemoryBoundsBurstsNotGuarantees) {
  Budget budget({.memory = 100});
  const size_t one = budget.add({.guaranteed = 1, .held = 1, .memory = 80, .each = 30});
  EXPECT_FALSE(budget.allows(one));
  budget.claim(one).held = 0;
  EXPECT_TRUE(budget.allows(one));
  EXPECT_EQ(budget.memory_for(one), 100U);
  const size_t two = budget.add({.guaranteed = 1, .held = 1, .memory = 10, .each = 5});
  EXPECT_EQ(budget.memory_for(one), 90U);
  EXPECT_FALSE(budget.allows(two));  // 30 are promised to the other
  budget.claim(one).held = 1;
  EXPECT_TRUE(budget.allows(two));
}

TEST(Budget, WhoBurstsAndIdlesGivesWay) {
  Budget budget({.instances = 4});
  const size_t blog = budget.add({.guaranteed = 1, .held = 3, .idlest = 1s});
  const size_t shop = budget.add({.guaranteed = 1, .held = 1, .idlest = 1h});
  const size_t wiki = budget.add({.guaranteed = 2, .held = 0});
  EXPECT_EQ(budget.reclaim_for(wiki), blog);  // not the shop: it is within its guarantee
  budget.claim(wiki).held = 2;
  EXPECT_EQ(budget.reclaim_for(shop), std::nullopt);  // for a burst it has not been idle for long enough
  budget.claim(blog).idlest = 10s;
  EXPECT_EQ(budget.reclaim_for(shop), blog);
  EXPECT_EQ(budget.reclaim_for(blog), std::nullopt);
}

TEST(Budget, NothingIsTakenWhileRoomIsBeingMadeNorBelowAGuarantee) {
  Budget budget({.instances = 4});
  const size_t blog = budget.add({.guaranteed = 1, .held = 3, .leaving = 1, .ending = 1, .idlest = 1s});
  const size_t shop = budget.add({.guaranteed = 2, .held = 1});
  EXPECT_EQ(budget.reclaim_for(shop), std::nullopt);
  budget.claim(blog).ending = 0;  // it finishes a request, who knows for how long
  EXPECT_EQ(budget.reclaim_for(shop), blog);
  budget.claim(blog).leaving = 2;
  EXPECT_EQ(budget.reclaim_for(shop), std::nullopt);
}

TEST(Budget, WhoHasNoneIsGivenAnIdleOneThatNobodyPromised) {
  Budget budget({.instances = 2});
  const size_t blog = budget.add({.guaranteed = 1, .held = 1, .idlest = 2s});
  const size_t shop = budget.add({.guaranteed = 1, .promised = 1, .held = 1, .idlest = 1h});
  const size_t wiki = budget.add({.guaranteed = 1});
  EXPECT_FALSE(budget.allows(wiki));
  EXPECT_EQ(budget.reclaim_for(wiki), blog);
  budget.claim(blog).idlest = {};
  EXPECT_EQ(budget.reclaim_for(wiki), std::nullopt) << "it works";
  budget.claim(blog) = {.guaranteed = 1, .held = 0};
  budget.claim(wiki).held = 1;
  budget.claim(wiki).idlest = 1s;
  EXPECT_EQ(budget.reclaim_for(blog), wiki);
  EXPECT_EQ(budget.reclaim_for(shop), std::nullopt);
}

TEST(Label, ComesBackAsItWas) {
  const Label label{.app = "my app", .id = 77, .generation = 3, .socket = "/run/x/blog.1-2.sock"};
  const std::string text = to_text(label);
  const auto read = read_label(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_text(*read), text);
  EXPECT_EQ(read->app, label.app);
  EXPECT_EQ(read->id, 77U);
  for (size_t cut = 0; cut < text.size() - label.app.size() + 1; ++cut) {
    EXPECT_FALSE(read_label(std::string_view(text).substr(0, cut))) << cut;
  }
  EXPECT_FALSE(read_label("pool2"));
  EXPECT_FALSE(read_label(text + '\0' + "more"));
}

TEST(Machine, ReadsWhatTheKernelSays) {
  EXPECT_EQ(available_of_meminfo("MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n"),
            2 * kMebibyte);
  EXPECT_EQ(available_of_meminfo("MemTotal:  100 kB\n"), std::nullopt);
  EXPECT_EQ(read_limit("1048576\n"), kMebibyte);
  EXPECT_EQ(read_limit("max\n"), std::nullopt);
  EXPECT_EQ(own_cgroup("0::/system.slice/remuda.service\n", ""), "/system.slice/remuda.service");
  EXPECT_EQ(own_cgroup("5:cpu,memory:/a\n0::/b\n", "memory"), "/a");
  EXPECT_EQ(own_cgroup("5:cpu:/a\n", "memory"), std::nullopt);
  EXPECT_EQ(own_cgroup("0::/\n", ""), "");
  EXPECT_EQ(own_cgroup("nonsense", ""), std::nullopt);
  const Machine machine = look_at_machine();
  EXPECT_GE(machine.cores, 1U);
  EXPECT_GT(machine.available, kMebibyte);
}

}  // namespace
}  // namespace remuda::apps::pool
