// SPDX-License-Identifier: Apache-2.0
//
// Peers as text: every kind of address, what stands behind it, and every mistake.
#include "base/peer.h"

#include <gtest/gtest.h>

namespace remuda::base {
namespace {

TEST(Peer, ReadsEveryKindOfAddress) {
  const auto four = parse_peer("10.0.0.7:9000 weight=2 concurrency=8");
  ASSERT_TRUE(four);
  EXPECT_EQ(*four, (Peer{Peer::Kind::kIpv4, "10.0.0.7", 9000, "", 2, 8}));
  EXPECT_EQ(*parse_peer("[0::1]:9000"), (Peer{Peer::Kind::kIpv6, "::1", 9000, ""}));
  EXPECT_EQ(*parse_peer("App.Example.org:9000"), (Peer{Peer::Kind::kName, "app.example.org", 9000, ""}));
  EXPECT_EQ(*parse_peer(" unix:/run/php.sock  weight=3 "),
            (Peer{Peer::Kind::kUnix, "", 0, "/run/php.sock", 3}));
  EXPECT_EQ(parse_peer("unix:@abstract")->path, "@abstract");
}

TEST(Peer, ReadsBackWhatItWrites) {
  for (const std::string_view text : {"10.0.0.7:9000 weight=2 concurrency=8", "[::1]:1", "a-b.c:65535",
                                      "unix:/run/php.sock concurrency=4", "unix:@name weight=1000"}) {
    EXPECT_EQ(to_string(*parse_peer(text)), text);
  }
  EXPECT_EQ(address_text(*parse_peer("[::1]:9 weight=2")), "[::1]:9");
}

std::string wrong(std::string_view text) {
  const auto peer = parse_peer(text);
  return peer ? "(good)" : peer.error().what + "; " + peer.error().hint;
}

TEST(Peer, SaysWhatIsWrong) {
  EXPECT_EQ(wrong(""), "an address is missing; such as \"127.0.0.1:9000\"");
  EXPECT_EQ(wrong("9000"), "the address is missing; write \"127.0.0.1:9000\"");
  EXPECT_EQ(wrong("/run/php.sock"), "this is a path; write \"unix:/run/php.sock\"");
  EXPECT_EQ(wrong("unix:"), "a path is missing; such as \"unix:/run/app.sock\"");
  EXPECT_EQ(wrong("localhost"), "the port is missing; write \"localhost:9000\"");
  EXPECT_EQ(wrong("[::1]"), "the port is missing; write \"[::1]:9000\"");
  EXPECT_EQ(wrong("::1:9000"), "an IPv6 address stands in brackets; write \"[::1]:9000\"");
  EXPECT_EQ(wrong("[x]:9000"), "\"[x]\" is not an IPv6 address; such as \"[::1]\"");
  EXPECT_EQ(wrong("10.0.0:9000"), "\"10.0.0\" is not an address or a name; such as \"127.0.0.1:9000\"");
  EXPECT_EQ(wrong("a b:9000"), "the port is missing; write \"a:9000\"");
  EXPECT_EQ(wrong("a:0"), "\"0\" is not a port; a number from 1 to 65535");
  EXPECT_EQ(wrong("a:9000 wait=2"),
            "\"wait=2\" is not known; behind the address: weight=NUMBER, concurrency=NUMBER");
  EXPECT_EQ(wrong("a:9000 weight=0"), "\"weight=0\" is out of range; from 1 to 1000");
  EXPECT_EQ(wrong("unix:/" + std::string(107, 'a')),
            "the path is longer than the 107 bytes that a socket's name may have; use a shorter one");
}

}  // namespace
}  // namespace remuda::base
