// SPDX-License-Identifier: Apache-2.0
//
// Lines whatever the pieces; nothing that a log or a terminal could take for its own.
#include "base/error_lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace remuda::base {
namespace {

std::vector<std::string> lines_of(std::vector<std::string> pieces) {
  std::vector<std::string> lines;
  ErrorLines cutter;
  const ErrorLines::Take take = [&](std::string_view line) { lines.emplace_back(line); };
  for (const std::string& piece : pieces) cutter.feed(piece, take);
  cutter.finish(take);
  return lines;
}

TEST(ErrorLines, PiecesAndEnds) {
  EXPECT_EQ(lines_of({"a", "b\nc\r\n", "\nlast"}), (std::vector<std::string>{"ab", "c", "", "last"}));
  EXPECT_TRUE(lines_of({}).empty());
}

TEST(ErrorLines, LongLinesAreCut) {
  const auto lines = lines_of({std::string(5000, 'x'), std::string(5000, 'x') + "\nnext\n"});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], std::string(ErrorLines::kLongest, 'x') + " ...");
  EXPECT_EQ(lines[1], "next");
}

TEST(ErrorLines, Escapes) {
  EXPECT_EQ(escape_line("tab\tis fine \\ \x1b[31m \x7f \x9b"), "tab\tis fine \\\\ \\x1b[31m \\x7f \\x9b");
  EXPECT_EQ(escape_line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8e"),
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8e");
  EXPECT_EQ(escape_line("\xc2\x85"), "\\xc2\\x85");           // a C1 control
  EXPECT_EQ(escape_line("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(escape_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(escape_line("\xe2\x82"), "\\xe2\\x82");           // cut short
}

}  // namespace
}  // namespace remuda::base
