// SPDX-License-Identifier: Apache-2.0
//
// RFC 9110 section 13: each precondition, and their order.
#include "content/conditional.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "base/arena.h"

namespace remuda::content {
namespace {

using http::KnownName;

constexpr int64_t kModified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr int64_t kNow = 1'700'000'000;
constexpr Validators kCurrent{"\"abc\"", kModified};
constexpr const char* kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";

using Said = std::vector<std::pair<KnownName, const char*>>;

Precondition evaluate(const Said& said) {
  std::array<std::byte, 1024> room;
  base::Arena arena(room);
  http::Fields fields(arena);
  for (const auto& [name, value] : said) fields.add(name, value);
  return evaluate_preconditions(fields, kCurrent, kNow);
}

bool range(const Said& said, int64_t now = kNow) {
  std::array<std::byte, 1024> room;
  base::Arena arena(room);
  http::Fields fields(arena);
  for (const auto& [name, value] : said) fields.add(name, value);
  return range_applies(fields, kCurrent, now);
}

TEST(Preconditions, IfMatch) {
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "\"abc\""}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "\"x\", \"abc\""}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "\"x\""}, {KnownName::kIfMatch, "\"abc\""}}),
            Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "*"}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "\"x\""}}), Precondition::kFailed);
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "W/\"abc\""}}), Precondition::kFailed);  // compared strongly
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "abc"}}), Precondition::kFailed);
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, ""}}), Precondition::kFailed);
}

TEST(Preconditions, IfUnmodifiedSince) {
  EXPECT_EQ(evaluate({{KnownName::kIfUnmodifiedSince, kSame}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfUnmodifiedSince, kAfter}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfUnmodifiedSince, kBefore}}), Precondition::kFailed);
  EXPECT_EQ(evaluate({{KnownName::kIfUnmodifiedSince, "yesterday"}}), Precondition::kHolds);
  // If-Match is there, so the date is not looked at.
  EXPECT_EQ(evaluate({{KnownName::kIfMatch, "\"abc\""}, {KnownName::kIfUnmodifiedSince, kBefore}}),
            Precondition::kHolds);
}

TEST(Preconditions, IfNoneMatch) {
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"abc\""}}), Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "W/\"abc\""}}),
            Precondition::kNotModified);  // compared weakly
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "*"}}), Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"a,b\" ,\"abc\""}}), Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, ", ,\"abc\""}}), Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"ab\""}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "w/\"abc\""}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"abc"}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"x\"\"abc\""}}), Precondition::kHolds);
}

TEST(Preconditions, IfModifiedSince) {
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, kSame}}), Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, kAfter}}), Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, kBefore}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, "Sunday, 06-Nov-94 08:49:37 GMT"}}),
            Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, "Sun Nov  6 08:49:37 1994"}}),
            Precondition::kNotModified);
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, "Sun, 06 Nov 1994 08:49:37"}}), Precondition::kHolds);
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, ""}}), Precondition::kHolds);
  // Said twice: not a date.
  EXPECT_EQ(evaluate({{KnownName::kIfModifiedSince, kSame}, {KnownName::kIfModifiedSince, kSame}}),
            Precondition::kHolds);
  // If-None-Match is there, so the date is not looked at.
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"x\""}, {KnownName::kIfModifiedSince, kSame}}),
            Precondition::kHolds);
}

TEST(Preconditions, FailureComesBeforeNotModified) {
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"abc\""}, {KnownName::kIfMatch, "\"x\""}}),
            Precondition::kFailed);
  EXPECT_EQ(evaluate({{KnownName::kIfNoneMatch, "\"abc\""}, {KnownName::kIfMatch, "\"abc\""}}),
            Precondition::kNotModified);
}

TEST(IfRange, StrongOrNothing) {
  EXPECT_TRUE(range({}));
  EXPECT_TRUE(range({{KnownName::kIfRange, "\"abc\""}}));
  EXPECT_FALSE(range({{KnownName::kIfRange, "W/\"abc\""}}));
  EXPECT_FALSE(range({{KnownName::kIfRange, "\"x\""}}));
  EXPECT_FALSE(range({{KnownName::kIfRange, "*"}}));
  EXPECT_FALSE(range({{KnownName::kIfRange, "\"x\", \"abc\""}}));
  EXPECT_TRUE(range({{KnownName::kIfRange, kSame}}));
  EXPECT_FALSE(range({{KnownName::kIfRange, kAfter}}));  // exactly this date, not a later one
  EXPECT_FALSE(range({{KnownName::kIfRange, kBefore}}));
  EXPECT_FALSE(range({{KnownName::kIfRange, kSame}}, kModified));  // might change again within this second
  EXPECT_FALSE(range({{KnownName::kIfRange, "\"abc\""}, {KnownName::kIfRange, "\"abc\""}}));
}

}  // namespace
}  // namespace remuda::content
