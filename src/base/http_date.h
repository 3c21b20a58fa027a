// SPDX-License-Identifier: Apache-2.0
//
// Dates of HTTP (RFC 9110 section 5.6.7), without locale and time zone. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace remuda::base {

inline constexpr size_t kHttpDateBytes = 29;

// "Sun, 06 Nov 1994 08:49:37 GMT". `seconds` since 1970-01-01 UTC, clipped to the years 0 to 9999.
void format_http_date(int64_t seconds, std::span<char, kHttpDateBytes> into);

// Seconds since 1970-01-01 UTC of an IMF-fixdate, an RFC 850 date ("Sunday, 06-Nov-94 08:49:37 GMT") or an
// asctime date ("Sun Nov  6 08:49:37 1994"). Nothing if it is none of them to the letter, or names a day that
// does not exist; the day of the week is checked for its spelling only. Two-digit years are those within 50
// years after `now`, else in the past. A leap second counts as the second before.
std::optional<int64_t> parse_http_date(std::string_view text, int64_t now);

}  // namespace remuda::base
