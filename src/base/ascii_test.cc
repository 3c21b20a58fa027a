// SPDX-License-Identifier: Apache-2.0
//
// Character classes over all octets, comparison, lists; and HTML escaping.
#include "base/ascii.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/html.h"

namespace remuda::base {
namespace {

TEST(Ascii, Classes) {
  int tokens = 0;
  for (int c = 0; c < 256; ++c) {
    const char octet = static_cast<char>(c);
    tokens += is_token_char(octet) ? 1 : 0;
    EXPECT_EQ(is_control(octet), c < 32 || c == 127) << c;
    EXPECT_EQ(is_letter(octet), to_lower(octet) != to_upper(octet)) << c;
    if (c > 127) {
      EXPECT_FALSE(is_token_char(octet) || is_letter(octet) || is_digit(octet)) << c;
    }
  }
  EXPECT_EQ(tokens, 10 + 52 + 15);
  EXPECT_EQ(hex_value('f'), 15);
  EXPECT_EQ(hex_value('A'), 10);
  EXPECT_EQ(hex_value('0'), 0);
  for (const char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '\x80'}) EXPECT_EQ(hex_value(c), -1);
}

TEST(Ascii, Comparison) {
  EXPECT_TRUE(equal_ignoring_case("Keep-Alive", "kEEP-aLIVE"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("-", "\r"));
  EXPECT_TRUE(is_token("a-b"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
}

TEST(Ascii, Lists) {
  std::vector<std::string> members;
  std::string_view rest = " a ,,b\t, ";
  std::string_view member;
  while (next_list_member(rest, member)) members.emplace_back(member);
  EXPECT_EQ(members, (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(trim_whitespace(" \t "), "");
}

TEST(Html, Escaping) {
  std::string text = "kept ";
  append_html_escaped(text, "<a href=\"x\">&'\xc3\xa9</a>");
  EXPECT_EQ(text, "kept &lt;a href=&quot;x&quot;&gt;&amp;&#39;\xc3\xa9&lt;/a&gt;");
}

}  // namespace
}  // namespace remuda::base
