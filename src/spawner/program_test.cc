// SPDX-License-Identifier: Apache-2.0
//
// What a request or a pool may set, and where it is filled in.
#include "spawner/program.h"

#include <gtest/gtest.h>

#include <string>

namespace remuda::spawner {
namespace {

using namespace std::string_literals;

TEST(Variables, OfARequestAreThoseOfCgi) {
  EXPECT_TRUE(may_be_set_by_request("HTTP_X=1"));
  for (const char* variable : {"HTTP_PROXY=x", "LD_PRELOAD=x", "PORT=1", "REMUDA_SOCKET=/x", "PATH=x"})
    EXPECT_FALSE(may_be_set_by_request(variable)) << variable;
}

TEST(Variables, OfAPoolSayWhereToListen) {
  EXPECT_TRUE(may_be_set_by_pool("PORT=8080"));
  EXPECT_TRUE(may_be_set_by_pool("REMUDA_SOCKET=/run/remuda/1"));
  for (const char* variable :
       {"PORT=", "PORT=123456", "PORT=8a", "REMUDA_SOCKET=x", "HTTP_X=1", "LD_PRELOAD=/x"})
    EXPECT_FALSE(may_be_set_by_pool(variable)) << variable;
}

TEST(Variables, AreFilledInWhereTheyAreNamed) {
  EXPECT_EQ(filled_in("127.0.0.1:{port}", "PORT=81\0"s), "127.0.0.1:81");
  EXPECT_EQ(filled_in("unix:{socket},{socket}", "REMUDA_SOCKET=/a\0"s), "unix:/a,/a");
  EXPECT_EQ(filled_in("{socket} {port}", "PORT=81\0"s), "{socket} 81");
  EXPECT_EQ(filled_in("{port}", ""), "{port}");
}

}  // namespace
}  // namespace remuda::spawner
