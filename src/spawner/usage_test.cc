// SPDX-License-Identifier: Apache-2.0
//
// The texts of proc(5), strange names included; and this process itself.
#include "spawner/usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace remuda::spawner {
namespace {

constexpr std::string_view kRollup =
    "55e49d02f000-7fffd5749000 ---p 00000000 00:00 0                          [rollup]\n"
    "Rss:                1752 kB\n"
    "Pss:                 295 kB\n"
    "Pss_Dirty:           116 kB\n"
    "Shared_Clean:       1600 kB\n"
    "Private_Clean:        36 kB\n"
    "Private_Dirty:       116 kB\n"
    "Private_Hugetlb:       0 kB\n";

TEST(Usage, Memory) {
  Measured measured;
  read_memory(kRollup, measured);
  EXPECT_EQ(measured.resident, 1752U * 1024);
  EXPECT_EQ(measured.proportional, 295U * 1024);
  EXPECT_EQ(measured.unique, (36U + 116) * 1024);
}

TEST(Usage, ProcessorTimeBehindAnyName) {
  Measured measured;
  read_processor_time("42 (a) 1 2 (x) S 1 42 42 0 -1 4194560 100 0 0 0 250 75 3 4 20 0 1 0 99", 100,
                      measured);
  EXPECT_EQ(measured.user_us, 2'500'000);
  EXPECT_EQ(measured.system_us, 750'000);
}

TEST(Usage, CutTextsLeaveZeros) {
  for (size_t length = 0; length < kRollup.size(); ++length) {
    Measured measured;
    read_memory(kRollup.substr(0, length), measured);
    EXPECT_LE(measured.proportional, 295U * 1024);
  }
  Measured measured;
  read_processor_time("42 (a) S 1 42", 100, measured);
  read_processor_time("", 100, measured);
  EXPECT_EQ(measured.user_us, 0);
}

TEST(Usage, OfThisProcess) {
  const Measured measured = measure(getpid());
  EXPECT_EQ(measured.error, 0);
  EXPECT_GT(measured.resident, 100'000U);
  EXPECT_GE(measured.resident, measured.proportional);
  EXPECT_EQ(measure(0x3fffffff).error, ESRCH);
}

}  // namespace
}  // namespace remuda::spawner
