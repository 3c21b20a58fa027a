// SPDX-License-Identifier: Apache-2.0
#include "name_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace remuda::app {
namespace {

remuda_view view_of(const std::string& text) { return {text.data(), text.size()}; }

class NameTables : public testing::Test {
 protected:
  // As calloc() gives it.
  std::unique_ptr<NameTable<int>> table_ = std::make_unique<NameTable<int>>();
  ~NameTables() override {
    table_->clear([](int) {});
  }
};

TEST_F(NameTables, KeepWhatWasAdded) {
  for (int i = 0; i < 256; ++i) {
    const std::string name = "HTTP_X_" + std::to_string(i);
    EXPECT_EQ(table_->find(view_of(name)), nullptr);
    int* const known = table_->add(view_of(name));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(*known, 0);
    *known = i;
  }
  for (int i = 0; i < 256; ++i) {
    const int* const known = table_->find(view_of("HTTP_X_" + std::to_string(i)));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(*known, i);
  }
}

TEST_F(NameTables, TellNamesApart) {
  *table_->add(view_of("A")) = 1;
  *table_->add(view_of("")) = 2;
  *table_->add(view_of(std::string("A\0", 2))) = 3;
  EXPECT_EQ(*table_->find(view_of("A")), 1);
  EXPECT_EQ(*table_->find(view_of("")), 2);
  EXPECT_EQ(*table_->find(view_of(std::string("A\0", 2))), 3);
  EXPECT_EQ(table_->find(view_of("a")), nullptr);
}

TEST_F(NameTables, AreBounded) {
  for (int i = 0; i < 256; ++i) ASSERT_NE(table_->add(view_of(std::to_string(i))), nullptr);
  EXPECT_EQ(table_->add(view_of("one more")), nullptr);
  EXPECT_EQ(table_->find(view_of("one more")), nullptr);
}

TEST_F(NameTables, DoNotKeepLongNames) {
  EXPECT_NE(table_->add(view_of(std::string(256, 'x'))), nullptr);
  EXPECT_EQ(table_->add(view_of(std::string(257, 'x'))), nullptr);
}

TEST_F(NameTables, ReleaseWhatTheyKnow) {
  *table_->add(view_of("A")) = 1;
  *table_->add(view_of("B")) = 2;
  int sum = 0;
  table_->clear([&](int known) { sum += known; });
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(table_->find(view_of("A")), nullptr);
  EXPECT_NE(table_->add(view_of("A")), nullptr);
}

}  // namespace
}  // namespace remuda::app
