// SPDX-License-Identifier: Apache-2.0
//
// Dates by std::chrono's calendar; nothing of the C library's time functions, which look at the environment.
#include "base/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "base/ascii.h"

namespace remuda::base {

namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kSecondsOfDay = 86400;
constexpr int64_t kFirstSecond = -62167219200;  // 0000-01-01
constexpr int64_t kLastSecond = 253402300799;   // 9999-12-31 23:59:59

void put_two_digits(char* at, unsigned number) {
  at[0] = static_cast<char>('0' + number / 10);
  at[1] = static_cast<char>('0' + number % 10);
}

// Reads a date from left to right; once something does not fit, ok() stays false.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void literal(std::string_view expected) {
    if (text_.starts_with(expected)) {
      text_.remove_prefix(expected.size());
    } else {
      ok_ = false;
    }
  }
  int number(size_t digits) {
    if (text_.size() < digits) ok_ = false;
    int value = 0;
    for (size_t i = 0; ok_ && i < digits; ++i) {
      if (!is_digit(text_[i])) ok_ = false;
      value = value * 10 + (text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(digits);
    return value;
  }
  // Two octets, the first a space if the day has one digit.
  int day_of_asctime() {
    if (!text_.starts_with(' ')) return number(2);
    literal(" ");
    return number(1);
  }
  template <size_t kCount>
  int name(const std::array<std::string_view, kCount>& names) {
    for (size_t i = 0; i < kCount; ++i) {
      if (text_.starts_with(names[i])) {
        text_.remove_prefix(names[i].size());
        return static_cast<int>(i);
      }
    }
    ok_ = false;
    return 0;
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && text_.empty(); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

Clock read_clock(Reader& reader) {
  Clock clock;
  clock.hour = reader.number(2);
  reader.literal(":");
  clock.minute = reader.number(2);
  reader.literal(":");
  clock.second = reader.number(2);
  return clock;
}

std::optional<int64_t> seconds_of(int year, int month, int day, const Clock& clock) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month + 1)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || clock.hour > 23 || clock.minute > 59 || clock.second > 60) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * kSecondsOfDay + clock.hour * 3600 + clock.minute * 60 + std::min(clock.second, 59);
}

int year_of(int64_t seconds) {
  const std::chrono::sys_days day(std::chrono::days(seconds / kSecondsOfDay));
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

// A year of two digits that seems to be more than 50 years ahead is the last one in the past (RFC 9110
// section 5.6.7).
int full_year(int two_digits, int64_t now) {
  const int this_year = year_of(now);
  const int year = this_year - this_year % 100 + two_digits;
  if (year > this_year + 50) return year - 100;
  return year <= this_year - 50 ? year + 100 : year;
}

std::optional<int64_t> parse_imf(std::string_view text) {
  Reader reader(text);
  reader.name(kDays);
  reader.literal(", ");
  const int day = reader.number(2);
  reader.literal(" ");
  const int month = reader.name(kMonths);
  reader.literal(" ");
  const int year = reader.number(4);
  reader.literal(" ");
  const Clock clock = read_clock(reader);
  reader.literal(" GMT");
  return reader.done() ? seconds_of(year, month, day, clock) : std::nullopt;
}

std::optional<int64_t> parse_rfc850(std::string_view text, int64_t now) {
  Reader reader(text);
  reader.name(kLongDays);
  reader.literal(", ");
  const int day = reader.number(2);
  reader.literal("-");
  const int month = reader.name(kMonths);
  reader.literal("-");
  const int year = reader.number(2);
  reader.literal(" ");
  const Clock clock = read_clock(reader);
  reader.literal(" GMT");
  return reader.done() ? seconds_of(full_year(year, now), month, day, clock) : std::nullopt;
}

std::optional<int64_t> parse_asctime(std::string_view text) {
  Reader reader(text);
  reader.name(kDays);
  reader.literal(" ");
  const int month = reader.name(kMonths);
  reader.literal(" ");
  const int day = reader.day_of_asctime();
  reader.literal(" ");
  const Clock clock = read_clock(reader);
  reader.literal(" ");
  const int year = reader.number(4);
  return reader.done() ? seconds_of(year, month, day, clock) : std::nullopt;
}

}  // namespace

void format_http_date(int64_t seconds, std::span<char, kHttpDateBytes> into) {
  seconds = std::clamp(seconds, kFirstSecond, kLastSecond);
  const int64_t days = seconds / kSecondsOfDay - (seconds % kSecondsOfDay < 0 ? 1 : 0);
  const auto clock = static_cast<unsigned>(seconds - days * kSecondsOfDay);
  const std::chrono::sys_days day{std::chrono::days(days)};
  const std::chrono::year_month_day date(day);
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  char* const at = into.data();
  std::memcpy(at, "Sun, 00 Jan 0000 00:00:00 GMT", kHttpDateBytes);
  std::memcpy(at, kDays[std::chrono::weekday(day).c_encoding()].data(), 3);
  put_two_digits(at + 5, static_cast<unsigned>(date.day()));
  std::memcpy(at + 8, kMonths[static_cast<unsigned>(date.month()) - 1].data(), 3);
  put_two_digits(at + 12, year / 100);
  put_two_digits(at + 14, year % 100);
  put_two_digits(at + 17, clock / 3600);
  put_two_digits(at + 20, clock / 60 % 60);
  put_two_digits(at + 23, clock % 60);
}

std::optional<int64_t> parse_http_date(std::string_view text, int64_t now) {
  if (text.size() == kHttpDateBytes && text[3] == ',') return parse_imf(text);
  if (text.find(',') != std::string_view::npos) return parse_rfc850(text, now);
  return parse_asctime(text);
}

}  // namespace remuda::base
