// SPDX-License-Identifier: Apache-2.0
//
// Tests of the did-you-mean.
#include "config/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <span>

namespace remuda::config {
namespace {

using std::string_view_literals::operator""sv;
constexpr std::array kWords{"path"sv, "method"sv, "redirect"sv};

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("path", "path"), 0U);
  EXPECT_EQ(edit_distance("pth", "path"), 1U);
  EXPECT_EQ(edit_distance("paht", "path"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(DidYouMean, NamesTheNearestWord) {
  EXPECT_EQ(did_you_mean("metod", kWords), "did you mean \"method\"?");
  EXPECT_EQ(did_you_mean("redirct", kWords), "did you mean \"redirect\"?");
}

TEST(DidYouMean, ListsTheWordsWhenNoneIsNear) {
  EXPECT_EQ(did_you_mean("elephant", kWords), "one of \"path\", \"method\", \"redirect\"");
  EXPECT_EQ(did_you_mean("elephant", std::span(kWords).first(1)), "only \"path\"");
  EXPECT_EQ(did_you_mean("elephant", {}), "");
}

}  // namespace
}  // namespace remuda::config
