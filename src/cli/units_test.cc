// SPDX-License-Identifier: Apache-2.0
//
// Figures at the edges of their units.
#include "cli/units.h"

#include <gtest/gtest.h>

namespace remuda::cli {
namespace {

using namespace std::chrono_literals;

TEST(Units, Sizes) {
  EXPECT_EQ(shown_size(0), "0 B");
  EXPECT_EQ(shown_size(1023), "1023 B");
  EXPECT_EQ(shown_size(1024), "1.0 KiB");
  EXPECT_EQ(shown_size(33030144), "31.5 MiB");
  EXPECT_EQ(shown_size(1023 * 1024), "1023 KiB");
  EXPECT_EQ(shown_size(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(shown_size(102'349), "100 KiB");
  EXPECT_EQ(shown_size(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(shown_memory(0), "-");
}

TEST(Units, Waits) {
  EXPECT_EQ(shown_wait(0ms), "0ms");
  EXPECT_EQ(shown_wait(999ms), "999ms");
  EXPECT_EQ(shown_wait(1000ms), "1.0s");
  EXPECT_EQ(shown_wait(9999ms), "9.9s");
  EXPECT_EQ(shown_wait(10s), "10s");
  EXPECT_EQ(shown_wait(90s), "1m30s");
}

TEST(Units, Ages) {
  EXPECT_EQ(shown_age(0s), "0s");
  EXPECT_EQ(shown_age(59s), "59s");
  EXPECT_EQ(shown_age(60s), "1m00s");
  EXPECT_EQ(shown_age(3599s), "59m59s");
  EXPECT_EQ(shown_age(2h + 5min), "2h05m");
  EXPECT_EQ(shown_age(24h), "1d00h");
  EXPECT_EQ(shown_age(24h * 400 + 2h), "400d02h");
}

TEST(Units, RatesAndCounts) {
  EXPECT_EQ(shown_rate(0), "0");
  EXPECT_EQ(shown_rate(0.04), "0.0");
  EXPECT_EQ(shown_rate(9.94), "9.9");
  EXPECT_EQ(shown_rate(1234.5), "1234");
  EXPECT_EQ(counted(1, "loop"), "1 loop");
  EXPECT_EQ(counted(0, "loop"), "0 loops");
}

}  // namespace
}  // namespace remuda::cli
