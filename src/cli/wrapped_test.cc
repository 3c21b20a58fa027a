// SPDX-License-Identifier: Apache-2.0
//
// Lines of words.
#include "cli/wrapped.h"

#include <gtest/gtest.h>

namespace remuda::cli {
namespace {

TEST(Wrapped, LinesAreNotLongerThanTheyMay) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("one two three", 6), "one\ntwo\nthree");
  EXPECT_EQ(wrapped("one two three", 13), "one two three");
}

TEST(Wrapped, LaterLinesAreIndented) { EXPECT_EQ(wrapped("one two three", 8, 2), "one two\n  three"); }

TEST(Wrapped, AWordIsNotBroken) { EXPECT_EQ(wrapped("a incomprehensible b", 5), "a\nincomprehensible\nb"); }

TEST(Wrapped, NoWords) { EXPECT_EQ(wrapped("  ", 5), ""); }

}  // namespace
}  // namespace remuda::cli
