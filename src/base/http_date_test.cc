// SPDX-License-Identifier: Apache-2.0
//
// Dates: the three forms, every day of some centuries there and back, and what is not a date.
#include "base/http_date.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace remuda::base {
namespace {

constexpr int64_t kExample = 784111777;  // the RFC's Sun, 06 Nov 1994 08:49:37 GMT
constexpr int64_t kNow = 1795248000;     // in 2026

std::string format(int64_t seconds) {
  std::array<char, kHttpDateBytes> text;
  format_http_date(seconds, text);
  return {text.data(), text.size()};
}

TEST(HttpDate, Formats) {
  EXPECT_EQ(format(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(format(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(format(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(format(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(HttpDate, ThreeForms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), kExample);
  EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994", kNow), kExample + 10 * 86400);
}

TEST(HttpDate, ThereAndBack) {
  for (int64_t seconds = -5'000'000'000; seconds < 20'000'000'000; seconds += 86'400 * 3 + 3671) {
    EXPECT_EQ(parse_http_date(format(seconds), kNow), seconds);
  }
}

TEST(HttpDate, YearsOfTwoDigits) {
  const auto year_of = [](const std::string& digits) {
    const auto seconds = parse_http_date("Sunday, 06-Nov-" + digits + " 00:00:00 GMT", kNow);
    return seconds ? format(*seconds).substr(12, 4) : "none";
  };
  EXPECT_EQ(year_of("26"), "2026");
  EXPECT_EQ(year_of("76"), "2076");
  EXPECT_EQ(year_of("77"), "1977");
  EXPECT_EQ(year_of("99"), "1999");
  EXPECT_EQ(year_of("00"), "2000");
}

TEST(HttpDate, LeapSecondsAndYears) {
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow),
            parse_http_date("Sat, 31 Dec 2016 23:59:59 GMT", kNow));
  EXPECT_TRUE(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", kNow));
  EXPECT_FALSE(parse_http_date("Wed, 29 Feb 2023 00:00:00 GMT", kNow));
  EXPECT_FALSE(parse_http_date("Mon, 29 Feb 2100 00:00:00 GMT", kNow));
}

TEST(HttpDate, NotDates) {
  for (const std::string_view text : {"",
                                      "0",
                                      "yesterday",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 nov 1994 08:49:37 GMT",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 94 08:49:37 GMT",
                                      "Sun, 00 Nov 1994 08:49:37 GMT",
                                      "Sun, 31 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:00:00 GMT",
                                      "Sun, 06 Nov 1994 08:60:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:61 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      " Sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMTx",
                                      "Sun, 06-Nov-94 08:49:37 GMT",
                                      "Sunday, 06-Nov-1994 08:49:37 GMT",
                                      "Sunday, 06 Nov 94 08:49:37 GMT",
                                      "Sun Nov 6 08:49:37 1994",
                                      "Sun Nov 06 08:49:37 94",
                                      "Sun Nov  6 08:49:37 1994 GMT",
                                      "Sun, +6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov -994 08:49:37 GMT",
                                      "Sun,",
                                      "Sun",
                                      "Sun Nov",
                                      "Sun, 06 Nov 1994 08:49:3",
                                      ","}) {
    EXPECT_FALSE(parse_http_date(text, kNow)) << text;
  }
}

}  // namespace
}  // namespace remuda::base
