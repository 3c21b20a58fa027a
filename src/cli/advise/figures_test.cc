// SPDX-License-Identifier: Apache-2.0
//
// Percentiles and rates.
#include "cli/advise/figures.h"

#include <gtest/gtest.h>

namespace remuda::cli::advise {
namespace {

std::vector<Micros> one_to(int count) {
  std::vector<Micros> values;
  for (int i = 1; i <= count; ++i) values.emplace_back(i);
  return values;
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(percentile(one_to(100), 50), Micros(50));
  EXPECT_EQ(percentile(one_to(100), 99), Micros(99));
  EXPECT_EQ(percentile(one_to(100), 100), Micros(100));
  EXPECT_EQ(percentile(one_to(5), 50), Micros(3));
  EXPECT_EQ(percentile(one_to(4), 50), Micros(2));
  EXPECT_EQ(percentile(one_to(10), 99), Micros(10));
  EXPECT_EQ(percentile(one_to(3), 0), Micros(1));
}

TEST(Percentile, OfOneAndOfNone) {
  EXPECT_EQ(percentile(one_to(1), 1), Micros(1));
  EXPECT_EQ(percentile(one_to(1), 99), Micros(1));
  EXPECT_EQ(percentile({}, 50), Micros(0));
}

TEST(Answers, RateIsOfThoseThatWereAnswered) {
  Answers answers{.latencies = one_to(10), .failed = 5, .took = Micros(2'000'000)};
  EXPECT_DOUBLE_EQ(answers.rate(), 5);
  answers.took = {};
  EXPECT_DOUBLE_EQ(answers.rate(), 0);
}

}  // namespace
}  // namespace remuda::cli::advise
