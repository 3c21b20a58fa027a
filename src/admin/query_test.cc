// SPDX-License-Identifier: Apache-2.0
//
// Queries with one parameter, and percent-encoding both ways.
#include "admin/query.h"

#include <gtest/gtest.h>

namespace remuda::admin {
namespace {

TEST(Query, HasOneParameter) {
  const auto parameter = only_parameter("add=10.0.0.7%3a9000+weight%3D2");
  ASSERT_TRUE(parameter);
  EXPECT_EQ(parameter->name, "add");
  EXPECT_EQ(parameter->value, "10.0.0.7:9000 weight=2");
}

TEST(Query, IsRefusedOtherwise) {
  for (const char* query : {"", "add", "add=", "=x", "add=%", "add=%4", "add=%4g", "a=b&c=d", "&a=b"}) {
    EXPECT_FALSE(only_parameter(query)) << query;
  }
}

TEST(Query, AnyBytesComeBack) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  const auto parameter = only_parameter("x=" + percent_encoded(bytes));
  ASSERT_TRUE(parameter);
  EXPECT_EQ(parameter->value, bytes);
  EXPECT_EQ(percent_encoded("[::1]:9000 w=2/~"), "%5B%3A%3A1%5D%3A9000%20w%3D2%2F~");
}

}  // namespace
}  // namespace remuda::admin
