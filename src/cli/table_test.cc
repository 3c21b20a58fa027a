// SPDX-License-Identifier: Apache-2.0
//
// Columns, and what must not reach a terminal.
#include "cli/table.h"

#include <gtest/gtest.h>

namespace remuda::cli {
namespace {

using enum Table::Align;

TEST(Table, ColumnsStandBelowEachOther) {
  Table table({{"PID", kRight}, {"STATE"}, {"NOW"}});
  table.row({"7", "ready", ""});
  table.row({"12345", "starting", "GET /"});
  EXPECT_EQ(table.text(2),
            "    PID  STATE     NOW\n"
            "      7  ready\n"
            "  12345  starting  GET /\n");
}

TEST(Table, AnEmptyColumnIsLeftOut) {
  Table table({{"A"}, {"EMPTY"}, {"B", kRight}});
  table.row({"1", "", "2"});
  EXPECT_EQ(table.text(), "A  B\n1  2\n");
}

TEST(Table, NoByteFromOutsideReachesTheTerminal) {
  Table table({{"A"}});
  table.row({"\x1b[2J\n\xc3\xa4"});
  EXPECT_EQ(table.text(), "A\n\\x1b[2J\\n\\xc3\\xa4\n");
}

TEST(Table, KnowsThatItHasNoRows) {
  Table table({{"A"}});
  EXPECT_TRUE(table.empty());
  table.row({""});
  EXPECT_FALSE(table.empty());
}

}  // namespace
}  // namespace remuda::cli
