// SPDX-License-Identifier: Apache-2.0
//
// Reason phrases, and that every one of them can stand in a status line.
#include "http/status.h"

#include <gtest/gtest.h>

#include "http/message.h"

namespace remuda::http {
namespace {

TEST(Status, Phrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(499), "Client Error");
  EXPECT_EQ(reason_phrase(599), "Server Error");
  EXPECT_EQ(reason_phrase(600), "");
  EXPECT_EQ(reason_phrase(-1), "");
}

TEST(Status, EveryPhraseIsPrintable) {
  for (int status = 100; status < 600; ++status) {
    EXPECT_FALSE(reason_phrase(status).empty()) << status;
    for (const char c : reason_phrase(status)) EXPECT_TRUE(c >= ' ' && c < 0x7f) << status;
  }
}

TEST(Status, Content) {
  EXPECT_TRUE(status_has_content(200));
  EXPECT_TRUE(status_has_content(404));
  for (const int status : {100, 101, 103, 204, 304}) EXPECT_FALSE(status_has_content(status));
}

TEST(Version, Names) {
  EXPECT_EQ(to_string(Version::k10), "HTTP/1.0");
  EXPECT_EQ(to_string(Version::k11), "HTTP/1.1");
  EXPECT_EQ(to_string(Version::k2), "HTTP/2.0");
  EXPECT_EQ(to_string(Version::k3), "HTTP/3.0");
}

}  // namespace
}  // namespace remuda::http
