// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "base/error_lines.h"

#include "base/ascii.h"

namespace remuda::base {

namespace {

void append_escaped(std::string& text, char c) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const auto octet = static_cast<unsigned char>(c);
  text += "\\x";
  text += kDigits[octet >> 4];
  text += kDigits[octet & 15];
}

// The length of the well-formed UTF-8 sequence at the front, 0 if there is none. C1 controls count as
// ill-formed.
size_t sequence_length(std::string_view text) {
  const auto octet = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](size_t i) { return (octet(i) & 0xc0U) == 0x80U; };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf && continues(1)) return first == 0xc2 && octet(1) < 0xa0 ? 0 : 2;
  if (first >= 0xe0 && first <= 0xef && continues(1) && continues(2)) {
    if ((first == 0xe0 && octet(1) < 0xa0) || (first == 0xed && octet(1) > 0x9f)) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4 && continues(1) && continues(2) && continues(3)) {
    if ((first == 0xf0 && octet(1) < 0x90) || (first == 0xf4 && octet(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::string escape_line(std::string_view line) {
  std::string text;
  text.reserve(line.size() + 16);
  while (!line.empty()) {
    const size_t length = sequence_length(line);
    if (length == 0 || (is_control(line.front()) && line.front() != '\t')) {
      append_escaped(text, line.front());
      line.remove_prefix(1);
    } else if (line.front() == '\\') {
      text += "\\\\";
      line.remove_prefix(1);
    } else {
      text += line.substr(0, length);
      line.remove_prefix(length);
    }
  }
  return text;
}

void ErrorLines::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    const size_t room = kLongest - line_.size();
    if (part.size() > room) cut_ = true;
    line_ += part.substr(0, room);
    if (newline == std::string_view::npos) return;
    emit(take);
    bytes.remove_prefix(newline + 1);
  }
}

void ErrorLines::finish(const Take& take) {
  if (!line_.empty()) emit(take);
}

void ErrorLines::emit(const Take& take) {
  if (line_.ends_with('\r')) line_.pop_back();
  std::string text = escape_line(line_);
  if (cut_) text += " ...";
  take(text);
  line_.clear();
  cut_ = false;
}

}  // namespace remuda::base
