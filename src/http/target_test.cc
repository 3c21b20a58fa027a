// SPDX-License-Identifier: Apache-2.0
//
// Paths and authorities: what is decoded, what is refused, and that no path leads out of the root.
#include "http/target.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace remuda::http {
namespace {

using namespace std::string_view_literals;

class TargetTest : public testing::Test {
 protected:
  std::string decode(std::string_view raw, EncodedSlash policy = EncodedSlash::kRefuse) {
    const auto decoded = decode_path(raw, policy, arena_);
    return decoded ? std::string(decoded->path) : "error " + std::to_string(decoded.error().code);
  }
  static std::string error(int code) { return "error " + std::to_string(code); }

  alignas(16) std::byte block_[256];
  base::Arena arena_{block_};
};

TEST_F(TargetTest, PlainPathsAreNotCopied) {
  for (const std::string_view raw : {"/", "/a/b.html", "/a/b/", "/a..b/c...", "/~user/a+b;c=d", "/\\"}) {
    const auto decoded = decode_path(raw, EncodedSlash::kRefuse, arena_);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->path.data(), raw.data());
    EXPECT_EQ(decoded->path, raw);
    EXPECT_FALSE(decoded->encoded_slash);
  }
}

TEST_F(TargetTest, DecodedOnce) {
  EXPECT_EQ(decode("/a%20b"), "/a b");
  EXPECT_EQ(decode("/%41%5a%c3%A9"), "/AZ\xc3\xa9");
  EXPECT_EQ(decode("/%2520"), "/%20");
  EXPECT_EQ(decode("/%%32%65"), error(EILSEQ));  // Apache CVE-2021-42013
  EXPECT_EQ(decode("/%252e%252e/x"), "/%2e%2e/x");
  EXPECT_EQ(decode("/a%3fb"), "/a?b");  // an encoded "?" stays data (Apache CVE-2024-38474)
  EXPECT_EQ(decode("/a%23%0a%25"), "/a#\n%");
}

TEST_F(TargetTest, BrokenEncoding) {
  for (const std::string_view raw : {"/%", "/%2", "/%g0", "/%0g", "/a%", "/%-1", "/% 1", "/%\xc3\xa9"}) {
    EXPECT_EQ(decode(raw), error(EILSEQ)) << raw;
  }
  EXPECT_EQ(decode("/a%00b"), error(EINVAL));
  EXPECT_EQ(decode("/a\0b"sv), error(EINVAL));
  EXPECT_EQ(decode("/a.txt%00.php"), error(EINVAL));
}

TEST_F(TargetTest, NotAPath) {
  for (const std::string_view raw : {"", "*", "a/b", "%2fa", "../a"})
    EXPECT_EQ(decode(raw), error(EINVAL)) << raw;
}

TEST_F(TargetTest, DotSegments) {
  EXPECT_EQ(decode("/."), "/");
  EXPECT_EQ(decode("/./a"), "/a");
  EXPECT_EQ(decode("/a/."), "/a/");
  EXPECT_EQ(decode("/a/.."), "/");
  EXPECT_EQ(decode("/a/../b"), "/b");
  EXPECT_EQ(decode("/a/b/.."), "/a/");
  EXPECT_EQ(decode("/a/b/../"), "/a/");
  EXPECT_EQ(decode("/a/b/c/../../d"), "/a/d");
  EXPECT_EQ(decode("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(decode("/.hidden"), "/.hidden");
  EXPECT_EQ(decode("/..."), "/...");
  EXPECT_EQ(decode("/..a/.b./c.."), "/..a/.b./c..");
  EXPECT_EQ(decode("/static../etc/passwd"), "/static../etc/passwd");
}

TEST_F(TargetTest, NothingAboveTheRoot) {
  for (const std::string_view raw : {"/..", "/../", "/../a", "/a/../..", "/a/../../b", "/.%2e/etc",
                                     "/%2e./etc", "//../a", "/./../a", "/a/%2e%2e/%2e%2e/b"}) {
    EXPECT_EQ(decode(raw), error(EACCES)) << raw;
  }
}

TEST_F(TargetTest, RepeatedSlashesAreOne) {
  EXPECT_EQ(decode("//"), "/");
  EXPECT_EQ(decode("//cgi-bin//x"), "/cgi-bin/x");
  EXPECT_EQ(decode("/a//"), "/a/");
  EXPECT_EQ(decode("/a//../b"), "/b");
}

TEST_F(TargetTest, EncodedSlashes) {
  EXPECT_EQ(decode("/a%2fb", EncodedSlash::kRefuse), error(EPERM));
  EXPECT_EQ(decode("/a%2Fb", EncodedSlash::kDecode), "/a/b");
  EXPECT_EQ(decode("/a%2Fb", EncodedSlash::kKeep), "/a%2Fb");
  EXPECT_EQ(decode("/..%2f..%2fetc", EncodedSlash::kRefuse), error(EPERM));  // uWSGI CVE-2018-7490
  EXPECT_EQ(decode("/..%2f..%2fetc", EncodedSlash::kDecode), error(EACCES));
  EXPECT_EQ(decode("/a/..%2fb", EncodedSlash::kKeep), "/a/..%2fb");
  EXPECT_TRUE(decode_path("/a%2Fb", EncodedSlash::kDecode, arena_)->encoded_slash);
  EXPECT_FALSE(decode_path("/a%20b", EncodedSlash::kDecode, arena_)->encoded_slash);
}

TEST_F(TargetTest, Encoding) {
  EXPECT_EQ(encode_path("/a/b-c_d.e~f", arena_), "/a/b-c_d.e~f");
  EXPECT_EQ(encode_path("/a b?c#d%e\"<>", arena_), "/a%20b%3Fc%23d%25e%22%3C%3E");
  EXPECT_EQ(encode_path("/caf\xc3\xa9\r\n", arena_), "/caf%C3%A9%0D%0A");
  EXPECT_EQ(encode_path("//evil\n/", arena_), "/evil%0A/");  // Apache CVE-2019-10098
  EXPECT_EQ(encode_path("///a//b", arena_), "/a//b");
  EXPECT_EQ(encode_path("/\\evil", arena_), "/%5Cevil");
  EXPECT_EQ(encode_path("", arena_), "");
}

TEST_F(TargetTest, EncodingRoundTrip) {
  std::string path = "/";
  for (int octet = 1; octet < 256; ++octet) {
    if (octet != '/' && octet != '.') path.push_back(static_cast<char>(octet));
  }
  EXPECT_EQ(decode(encode_path(path, arena_)), path);
}

TEST_F(TargetTest, Authorities) {
  struct Case {
    std::string_view authority, host;
    int port;  // -1: none
  };
  for (const auto& [text, host, port] : {Case{"h", "h", -1},
                                         {"Example.ORG", "example.org", -1},
                                         {"example.org.", "example.org", -1},
                                         {"H.:80", "h", 80},
                                         {"h:", "h", -1},
                                         {"h:0", "h", 0},
                                         {"h:65535", "h", 65535},
                                         {"h:00080", "h", 80},
                                         {"127.0.0.1:8080", "127.0.0.1", 8080},
                                         {"[::1]", "[::1]", -1},
                                         {"[2001:DB8::1]:443", "[2001:db8::1]", 443},
                                         {"a_b-c~", "a_b-c~", -1}}) {
    const auto parts = parse_authority(text, arena_);
    ASSERT_TRUE(parts) << text;
    EXPECT_EQ(parts->host, host);
    EXPECT_EQ(parts->port ? *parts->port : -1, port) << text;
    EXPECT_TRUE(is_valid_authority(text));
  }
}

TEST_F(TargetTest, NotAuthorities) {
  for (const std::string_view text : {""sv,
                                      ":80"sv,
                                      "h:65536"sv,
                                      "h:123456"sv,
                                      "h:x"sv,
                                      "h:8 0"sv,
                                      "h:80:80"sv,
                                      "u@h"sv,
                                      "a,b"sv,
                                      "a/b"sv,
                                      "a b"sv,
                                      "::1"sv,
                                      "[::1"sv,
                                      "::1]"sv,
                                      "[]"sv,
                                      "[::1]x"sv,
                                      "[::1]x:80"sv,
                                      "[::1]:x"sv,
                                      "[g::1]"sv,
                                      "[1.2.3.4]"sv,
                                      "[::1%eth0]"sv,
                                      "."sv,
                                      ".h"sv,
                                      "h%41"sv,
                                      "h\0"sv,
                                      "[::1\0]"sv,
                                      "caf\xc3\xa9"sv,
                                      "h;"sv,
                                      "h\\"sv,
                                      "h?"sv,
                                      "[::ffff:255.255.255.255.255.255.255.255.255]"sv}) {
    EXPECT_FALSE(is_valid_authority(text)) << text;
    EXPECT_FALSE(parse_authority(text, arena_)) << text;
  }
}

}  // namespace
}  // namespace remuda::http
