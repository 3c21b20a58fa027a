// SPDX-License-Identifier: Apache-2.0
//
// Fields: order, chains of one name, growth, removal.
#include "http/fields.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace remuda::http {
namespace {

class FieldsTest : public testing::Test {
 protected:
  std::vector<std::string> values(KnownName name) const {
    std::vector<std::string> found;
    for (const Field* field = fields_.first(name); field != nullptr; field = fields_.next(*field)) {
      found.emplace_back(field->value);
    }
    return found;
  }

  alignas(16) std::byte block_[512];
  base::Arena arena_{block_};
  Fields fields_{arena_};
};

TEST_F(FieldsTest, BeginsEmpty) {
  for (size_t i = 0; i < kKnownNames; ++i) {
    EXPECT_FALSE(fields_.has(static_cast<KnownName>(i)));
    EXPECT_EQ(fields_.first(static_cast<KnownName>(i)), nullptr);
  }
  EXPECT_EQ(fields_.size(), 0U);
  EXPECT_TRUE(fields_.all().empty());
}

TEST_F(FieldsTest, KnownAndOtherNames) {
  fields_.add("hOST", "h");
  fields_.add("X-Mine", "1");
  fields_.add(KnownName::kETag, "e");
  EXPECT_EQ(fields_.get(KnownName::kHost), "h");
  EXPECT_EQ(fields_.all()[0].name, "hOST");
  EXPECT_EQ(fields_.all()[2].name, "ETag");
  EXPECT_EQ(fields_.find("x-mine")->value, "1");
  EXPECT_EQ(fields_.find("host")->value, "h");
  EXPECT_EQ(fields_.find("none"), nullptr);
  EXPECT_EQ(fields_.find("Cookie"), nullptr);
  EXPECT_FALSE(fields_.has(KnownName::kOther));
  EXPECT_EQ(fields_.get(KnownName::kCookie), "");
}

TEST_F(FieldsTest, OneNameManyTimesKeepsItsOrder) {
  for (const std::string_view value : {"a", "b", "c"}) {
    fields_.add(KnownName::kCookie, value);
    fields_.add("Other", value);
    fields_.add(KnownName::kVia, value);
  }
  EXPECT_EQ(values(KnownName::kCookie), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(fields_.count(KnownName::kVia), 3U);
}

TEST_F(FieldsTest, GrowsWithoutLosingAnything) {
  std::deque<std::string> kept;
  for (int i = 0; i < 1000; ++i) {
    kept.push_back(std::to_string(i));
    fields_.add(i % 2 == 0 ? "Cookie" : "Other", kept.back());
  }
  ASSERT_EQ(fields_.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(fields_.all()[i].value, std::to_string(i));
  EXPECT_EQ(fields_.count(KnownName::kCookie), 500U);
}

TEST_F(FieldsTest, Removal) {
  fields_.add(KnownName::kCookie, "a");
  fields_.add("Other", "b");
  fields_.add(KnownName::kVia, "c");
  fields_.add(KnownName::kCookie, "d");
  fields_.add(KnownName::kVia, "e");
  fields_.remove(KnownName::kAge);
  EXPECT_EQ(fields_.size(), 5U);
  fields_.remove(KnownName::kCookie);
  EXPECT_FALSE(fields_.has(KnownName::kCookie));
  EXPECT_EQ(values(KnownName::kVia), (std::vector<std::string>{"c", "e"}));
  ASSERT_EQ(fields_.size(), 3U);
  EXPECT_EQ(fields_.all()[0].value, "b");
  fields_.add(KnownName::kCookie, "f");
  EXPECT_EQ(values(KnownName::kCookie), (std::vector<std::string>{"f"}));
  fields_.clear();
  EXPECT_EQ(fields_.size(), 0U);
  EXPECT_FALSE(fields_.has(KnownName::kVia));
}

TEST_F(FieldsTest, ListMembers) {
  fields_.add(KnownName::kConnection, "TE,, \tKeep-Alive ,");
  fields_.add(KnownName::kConnection, "");
  fields_.add(KnownName::kConnection, "close");
  for (const std::string_view token : {"te", "KEEP-ALIVE", "close"}) {
    EXPECT_TRUE(fields_.list_has(KnownName::kConnection, token)) << token;
  }
  for (const std::string_view token : {"keep", "clos", "closed", "t"}) {
    EXPECT_FALSE(fields_.list_has(KnownName::kConnection, token)) << token;
  }
  EXPECT_FALSE(fields_.list_has(KnownName::kVary, "x"));
}

}  // namespace
}  // namespace remuda::http
