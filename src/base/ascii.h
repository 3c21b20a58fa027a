// SPDX-License-Identifier: Apache-2.0
//
// Octets of ASCII, without locale: case, digits, and the character classes that HTTP's grammar is made of
// (RFC 9110 section 5.6.2 tchar, section 5.6.3 OWS; RFC 5234 HEXDIG).
//
// Everything here takes any octet 0..255; nothing above 127 is a letter. Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace remuda::base {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }

// Control characters: 0..31 and 127. A horizontal tab is one of them.
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The value of a hexadecimal digit, -1 if it is none.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

namespace detail {
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const char octet = static_cast<char>(c);
    table[c] = is_digit(octet) || is_letter(octet);
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
inline constexpr std::array<bool, 256> kTokenTable = make_token_table();
}  // namespace detail

// tchar: what methods, field names and most list members are made of.
constexpr bool is_token_char(char c) { return detail::kTokenTable[static_cast<unsigned char>(c)]; }

constexpr bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Without optional whitespace (space and tab) at both ends.
constexpr std::string_view trim_whitespace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next member of a comma-separated list off `list`, trimmed; may be empty (RFC 9110 section
// 5.6.1.2). False at the end. Quoted strings are not looked into: for lists of tokens.
constexpr bool next_list_member(std::string_view& list, std::string_view& member) {
  if (list.data() == nullptr) return false;
  const size_t comma = list.find(',');
  member = trim_whitespace(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return true;
}

}  // namespace remuda::base
