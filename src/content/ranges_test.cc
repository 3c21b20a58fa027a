// SPDX-License-Identifier: Apache-2.0
//
// RFC 9110 sections 14.1 and 14.2: what a Range field asks for, and what it cannot make the server do.
#include "content/ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace remuda::content {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using Kind = ByteRanges::Kind;

std::vector<std::pair<uint64_t, uint64_t>> ranges_of(std::string_view field, uint64_t size) {
  const auto ranges = ByteRanges::parse(field, size);
  std::vector<std::pair<uint64_t, uint64_t>> result;
  for (const ByteRange& range : ranges.all()) result.emplace_back(range.first, range.end() - 1);
  return result;
}

Kind kind_of(std::string_view field, uint64_t size = 1000) { return ByteRanges::parse(field, size).kind(); }

TEST(Ranges, SingleForms) {
  EXPECT_THAT(ranges_of("bytes=0-0", 1000), ElementsAre(Pair(0, 0)));
  EXPECT_THAT(ranges_of("bytes=500-", 1000), ElementsAre(Pair(500, 999)));
  EXPECT_THAT(ranges_of("bytes=-1", 1000), ElementsAre(Pair(999, 999)));
  EXPECT_THAT(ranges_of("bytes=-5000", 1000), ElementsAre(Pair(0, 999)));
  EXPECT_THAT(ranges_of("bytes=990-2000", 1000), ElementsAre(Pair(990, 999)));
  EXPECT_THAT(ranges_of("BYTES = 1-2", 1000), ElementsAre(Pair(1, 2)));
  EXPECT_THAT(ranges_of("bytes=0-", 1000), ElementsAre(Pair(0, 999)));
}

TEST(Ranges, Unsatisfiable) {
  EXPECT_EQ(kind_of("bytes=1000-"), Kind::kUnsatisfiable);
  EXPECT_EQ(kind_of("bytes=-0"), Kind::kUnsatisfiable);
  EXPECT_EQ(kind_of("bytes=99999999999999999999-"), Kind::kUnsatisfiable);
  EXPECT_EQ(kind_of("bytes=9223372036854775808-9223372036854775809"), Kind::kUnsatisfiable);
  EXPECT_THAT(ranges_of("bytes=5000-,1-2", 1000), ElementsAre(Pair(1, 2)));
}

TEST(Ranges, MalformedIsIgnored) {
  for (const char* field : {"bytes=5-2", "bytes=", "bytes=,", "bytes", "bytes=a-b", "bytes=1", "bytes=--1",
                            "bytes=1-2-3", "bytes=1-x", "bytes=-", "lines=1-2", "bytes=0-1,5-2",
                            "bytes= 1 - 2", "bytes=0x1-2", "bytes=+1-2", ""}) {
    EXPECT_EQ(kind_of(field), Kind::kIgnored) << field;
  }
}

TEST(Ranges, NumbersBeyond64BitsAreClipped) {
  EXPECT_THAT(ranges_of("bytes=1-99999999999999999999999", 1000), ElementsAre(Pair(1, 999)));
  EXPECT_THAT(ranges_of("bytes=-18446744073709551616", 1000), ElementsAre(Pair(0, 999)));
  // Suffixes that would sum past 2^63.
  EXPECT_THAT(ranges_of("bytes=-9223372036854775807,-9223372036854774591", 1000), ElementsAre(Pair(0, 999)));
  EXPECT_THAT(ranges_of("bytes=0-18446744073709551615", UINT64_MAX), ElementsAre(Pair(0, UINT64_MAX - 1)));
}

TEST(Ranges, OverlappingAndTouchingBecomeOne) {
  EXPECT_THAT(ranges_of("bytes=0-9,5-20", 1000), ElementsAre(Pair(0, 20)));
  EXPECT_THAT(ranges_of("bytes=0-9,10-19", 1000), ElementsAre(Pair(0, 19)));
  EXPECT_THAT(ranges_of("bytes=0-9,20-29,5-25", 1000), ElementsAre(Pair(0, 29)));
  EXPECT_THAT(ranges_of("bytes=500-600,0-0", 1000), ElementsAre(Pair(500, 600), Pair(0, 0)));
  EXPECT_THAT(ranges_of("bytes= 0-0 , , 2-2 ", 1000), ElementsAre(Pair(0, 0), Pair(2, 2)));
}

TEST(Ranges, ManyAreBounded) {
  std::string overlapping = "bytes=0-";
  for (int i = 1; i < 1300; ++i) overlapping += ",5-" + std::to_string(i + 5);
  EXPECT_THAT(ranges_of(overlapping, 1000), ElementsAre(Pair(0, 999)));
  std::string apart = "bytes=0-0";
  for (int i = 1; i < 1300; ++i) apart += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  EXPECT_EQ(kind_of(apart, 100'000), Kind::kIgnored);
}

TEST(Ranges, NeverMoreBytesThanThereAre) {
  uint32_t state = 7;
  auto next = [&state](uint32_t below) { return (state = state * 1664525 + 1013904223) / 7919 % below; };
  for (int round = 0; round < 20'000; ++round) {
    const uint64_t size = 1 + next(50);
    std::string field = "bytes=";
    for (uint32_t i = next(12); i > 0; --i) {
      const uint32_t first = next(60);
      const std::string last = next(5) == 0 ? "" : std::to_string(first + next(20));
      field += (next(4) == 0 ? "-" + std::to_string(next(60)) : std::to_string(first) + "-" + last) + ",";
    }
    const auto ranges = ByteRanges::parse(field, size);
    std::vector<bool> given(size);
    for (const ByteRange& range : ranges.all()) {
      ASSERT_GT(range.length, 0U) << field;
      ASSERT_LE(range.end(), size) << field;
      for (uint64_t at = range.first; at < range.end(); ++at) {
        ASSERT_FALSE(given[at]) << field;
        given[at] = true;
      }
    }
  }
}

TEST(Ranges, AnEmptyFileHasNone) {
  EXPECT_EQ(kind_of("bytes=0-", 0), Kind::kIgnored);
  EXPECT_EQ(kind_of("bytes=-5", 0), Kind::kIgnored);
}

}  // namespace
}  // namespace remuda::content
