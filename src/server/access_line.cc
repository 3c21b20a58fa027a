// SPDX-License-Identifier: Apache-2.0
//
// Everything is appended to a Text, which stops at the end of its room instead of passing it. Values from
// outside have a most length each, chosen so that all of them together fit into kLongestLine.
#include "server/access_line.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "http/known_names.h"

namespace remuda::server {

namespace {

using http::KnownName;

// Most bytes of a value as it stands in the line, after escaping.
constexpr size_t kLongestMethod = 256;
constexpr size_t kLongestTarget = 12 * 1024;
constexpr size_t kLongestReferer = 8 * 1024;
constexpr size_t kLongestAgent = 4 * 1024;
constexpr size_t kLongestHost = 1024;
constexpr size_t kLongestNote = 1024;
static_assert(kLongestMethod + kLongestTarget + kLongestReferer + kLongestAgent + kLongestHost +
                  2 * kLongestNote + 2048 <
              kLongestLine);

constexpr char kHex[] = "0123456789abcdef";

class Text {
 public:
  explicit Text(std::span<char> room) : begin_(room.data()), at_(begin_), end_(begin_ + room.size()) {}

  size_t size() const { return static_cast<size_t>(at_ - begin_); }

  Text& operator<<(std::string_view text) {
    const size_t count = std::min(text.size(), static_cast<size_t>(end_ - at_));
    if (count > 0) std::memcpy(at_, text.data(), count);
    at_ += count;
    return *this;
  }
  Text& operator<<(char byte) { return *this << std::string_view(&byte, 1); }
  template <std::integral Number>
    requires(sizeof(Number) > 1)
  Text& operator<<(Number number) {
    const auto [end, error] = std::to_chars(at_, end_, number);
    if (error == std::errc()) at_ = end;
    return *this;
  }

  // `digits` of `number`, with leading zeros.
  void decimal(uint64_t number, size_t digits) {
    char text[20];
    for (size_t i = digits; i-- > 0; number /= 10) text[i] = static_cast<char>('0' + number % 10);
    *this << std::string_view(text, digits);
  }
  void hexadecimal(uint64_t number) {
    char text[16];
    for (size_t i = sizeof text; i-- > 0; number >>= 4) text[i] = kHex[number & 15];
    *this << std::string_view(text, sizeof text);
  }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

// How many bytes at the start of `rest` stand for themselves, and how many after them are escaped one by one.
struct Stretch {
  size_t plain = 0;
  size_t special = 0;
};

bool is_plain_ascii(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return value >= 0x20 && value < 0x7f && byte != '"' && byte != '\\';
}

size_t ascii_stretch(std::string_view rest) {
  return static_cast<size_t>(std::ranges::find_if_not(rest, is_plain_ascii) - rest.begin());
}

// The length of the character beyond ASCII that `rest` begins with; 0 if that is not UTF-8 (RFC 3629).
size_t utf8_length(std::string_view rest) {
  const auto at = [&](size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0U; };
  const auto follows = [&](size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && at(1) < 0xa0;
    const bool surrogate = first == 0xed && at(1) > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && at(1) < 0x90;
    const bool beyond = first == 0xf4 && at(1) > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

Stretch next_stretch(std::string_view rest, AccessFormat format) {
  size_t plain = ascii_stretch(rest);
  while (format == AccessFormat::kJson && plain < rest.size()) {
    const size_t character = utf8_length(rest.substr(plain));
    if (character == 0) break;
    plain += character;
    plain += ascii_stretch(rest.substr(plain));
  }
  return {plain, plain < rest.size() ? size_t{1} : size_t{0}};
}

void write_escaped_byte(Text& line, char byte, AccessFormat format) {
  const auto value = static_cast<unsigned char>(byte);
  if (byte == '"' || byte == '\\') {
    line << '\\' << byte;
  } else {
    line << (format == AccessFormat::kJson ? "\\u00" : "\\x") << kHex[value >> 4] << kHex[value & 15];
  }
}

// Cut with "..." where it would grow longer than `most`.
void write_escaped(Text& line, std::string_view value, AccessFormat format, size_t most) {
  const size_t end = line.size() + most - 10;
  while (!value.empty()) {
    const auto [plain, special] = next_stretch(value, format);
    const size_t fits = std::min(plain, end - std::min(end, line.size()));
    line << value.substr(0, fits);
    if (fits < plain || line.size() >= end) {
      if (fits < value.size()) line << "...";
      return;
    }
    if (special > 0) write_escaped_byte(line, value[plain], format);
    value.remove_prefix(plain + special);
  }
}

std::string_view peer_of(const http::Request& request, std::span<char, http::kAddressText> room) {
  const std::string_view ip =
      request.endpoints == nullptr ? std::string_view() : request.endpoints->peer.ip(room);
  return ip.empty() ? "-" : ip;
}

// --- combined --------------------------------------------------------------------------------------------

void write_quoted(Text& line, std::string_view value, size_t most) {
  line << " \"";
  if (value.empty()) line << '-';
  write_escaped(line, value, AccessFormat::kCombined, most);
  line << '"';
}

void write_combined(Text& line, const http::Exchange& exchange, const http::Record& record,
                    std::string_view local_time) {
  const http::Request& request = exchange.request;
  char address[http::kAddressText];
  line << peer_of(request, address) << " - - [" << local_time << "] \"";
  if (request.method.empty()) {
    line << '-';
  } else {
    write_escaped(line, request.method, AccessFormat::kCombined, kLongestMethod);
    line << ' ';
    write_escaped(line, request.target, AccessFormat::kCombined, kLongestTarget);
    line << ' ' << http::to_string(request.version);
  }
  line << "\" ";
  record.status == 0 ? line << '-' : line << record.status;
  line << ' ';
  record.body_bytes_sent == 0 ? line << '-' : line << record.body_bytes_sent;
  write_quoted(line, request.fields.get(KnownName::kReferer), kLongestReferer);
  write_quoted(line, request.fields.get(KnownName::kUserAgent), kLongestAgent);
}

// --- JSON ------------------------------------------------------------------------------------------------

void write_universal_time(Text& line, int64_t nanoseconds) {
  using namespace std::chrono;
  const sys_time<milliseconds> time(floor<milliseconds>(std::chrono::nanoseconds(nanoseconds)));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  line.decimal(static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  line << '-';
  line.decimal(static_cast<unsigned>(date.month()), 2);
  line << '-';
  line.decimal(static_cast<unsigned>(date.day()), 2);
  line << 'T';
  line.decimal(static_cast<uint64_t>(clock.hours().count()), 2);
  line << ':';
  line.decimal(static_cast<uint64_t>(clock.minutes().count()), 2);
  line << ':';
  line.decimal(static_cast<uint64_t>(clock.seconds().count()), 2);
  line << '.';
  line.decimal(static_cast<uint64_t>(clock.subseconds().count()), 3);
  line << 'Z';
}

void write_member(Text& line, std::string_view name, std::string_view value, size_t most) {
  if (value.empty()) return;
  line << ",\"" << name << "\":\"";
  write_escaped(line, value, AccessFormat::kJson, most);
  line << '"';
}

void write_phase(Text& line, std::string_view name, loop::Time began, loop::Time time) {
  if (time < began || time == loop::Time()) return;
  line << ",\"" << name << "\":" << std::chrono::floor<std::chrono::microseconds>(time - began).count();
}

void write_question(Text& line, const http::Request& request) {
  write_member(line, "method", request.method, kLongestMethod);
  write_member(line, "target", request.target, kLongestTarget);
  if (!request.method.empty()) line << ",\"version\":\"" << http::to_string(request.version) << '"';
  write_member(line, "host", request.authority, kLongestHost);
  write_member(line, "referer", request.fields.get(KnownName::kReferer), kLongestReferer);
  write_member(line, "user_agent", request.fields.get(KnownName::kUserAgent), kLongestAgent);
}

void write_json(Text& line, const http::Exchange& exchange, const http::Record& record, int64_t nanoseconds) {
  const http::Request& request = exchange.request;
  char address[http::kAddressText];
  line << "{\"time\":\"";
  write_universal_time(line, nanoseconds);
  line << "\",\"id\":\"";
  line.hexadecimal(request.id);
  line << "\",\"remote\":\"" << peer_of(request, address) << '"';
  write_question(line, request);
  line << ",\"status\":" << record.status << ",\"received\":" << record.bytes_received
       << ",\"sent\":" << record.bytes_sent << ",\"content\":" << record.body_bytes_sent;
  write_phase(line, "head_us", request.began, record.head_read);
  write_phase(line, "handling_us", request.began, exchange.handling_began);
  write_phase(line, "response_us", request.began, record.head_sent);
  write_phase(line, "total_us", request.began, record.ended);
  write_member(line, "handler", exchange.handled_by, kLongestNote);
  line << ",\"complete\":" << (record.complete ? "true" : "false");
  write_member(line, "trouble", record.trouble.empty() ? exchange.trouble : record.trouble, kLongestNote);
  line << '}';
}

}  // namespace

int64_t WallClock::nanoseconds(loop::Time then, loop::Time now) {
  if (now - looked_at_ >= std::chrono::seconds(1) || looked_at_ == loop::Time()) {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    difference_ = std::chrono::nanoseconds(wall - now.time_since_epoch()).count();
    looked_at_ = now;
  }
  return std::chrono::nanoseconds(then.time_since_epoch()).count() + difference_;
}

std::string_view WallClock::local_text(int64_t nanoseconds) {
  const std::time_t second =
      std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(nanoseconds)).count();
  if (second != second_) {
    second_ = second;
    std::tm parts{};
    ::localtime_r(&second, &parts);
    // The names of months come from the C locale: the program never calls setlocale(3).
    text_length_ = std::strftime(text_.data(), text_.size(), "%d/%b/%Y:%H:%M:%S %z", &parts);
  }
  return {text_.data(), text_length_};
}

size_t write_access_line(std::span<char> room, AccessFormat format, const http::Exchange& exchange,
                         const http::Record& record, loop::Time now, WallClock& clock) {
  CHECK(room.size() >= kLongestLine);
  const int64_t began = clock.nanoseconds(exchange.request.began, now);
  Text line(room.first(room.size() - 1));
  if (format == AccessFormat::kJson) {
    write_json(line, exchange, record, began);
  } else {
    write_combined(line, exchange, record, clock.local_text(began));
  }
  room[line.size()] = '\n';
  return line.size() + 1;
}

}  // namespace remuda::server
