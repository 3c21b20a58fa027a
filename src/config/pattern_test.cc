// SPDX-License-Identifier: Apache-2.0
//
// Tests of route patterns: what they match, where they are mounted, what they cover.
#include "config/pattern.h"

#include <gtest/gtest.h>

namespace remuda::config {
namespace {

// The mount point, or "-" when the pattern does not match.
std::string mount(std::string_view pattern, std::string_view path) {
  const auto length = PathPattern(pattern).match(path);
  return length ? std::string(path.substr(0, *length)) : "-";
}

TEST(PathPattern, PrefixMatchesWholeSegments) {
  for (const char* pattern : {"/a/", "/a"}) {
    EXPECT_EQ(mount(pattern, "/a"), "/a");
    EXPECT_EQ(mount(pattern, "/a/"), "/a");
    EXPECT_EQ(mount(pattern, "/a/x/y"), "/a");
    EXPECT_EQ(mount(pattern, "/ab"), "-");
    EXPECT_EQ(mount(pattern, "/"), "-");
    EXPECT_EQ(mount(pattern, ""), "-");
  }
  EXPECT_EQ(mount("/", "/"), "");
  EXPECT_EQ(mount("/", "/x"), "");
}

TEST(PathPattern, ExactMatchesOnlyItself) {
  EXPECT_EQ(mount("=/", "/"), "");
  EXPECT_EQ(mount("=/", "/x"), "-");
  EXPECT_EQ(mount("=/a/b", "/a/b"), "/a");
  EXPECT_EQ(mount("=/a/b", "/a/b/"), "-");
}

TEST(PathPattern, GlobMatchesTheWholePath) {
  EXPECT_EQ(mount("*.php", "/a/b.php"), "");
  EXPECT_EQ(mount("*.php", "/a/b.php/c"), "-");
  EXPECT_EQ(mount("/a/*.png", "/a/b/c.png"), "/a");
  EXPECT_EQ(mount("/a/*.png", "/b/c.png"), "-");
  EXPECT_EQ(mount("/x*/y*z", "/xx/yyz"), "");
  EXPECT_EQ(mount("/a*b*c", "/aXbXbXc"), "");
  EXPECT_EQ(mount("/a*b*c", "/aXbXbX"), "-");
  EXPECT_EQ(mount("/*", "/"), "");
}

TEST(PathPattern, GlobIsBoundedOnHostileInput) {
  const std::string path = "/" + std::string(8000, 'a');
  EXPECT_FALSE(PathPattern("/*a*a*a*a*a*a*a*b").match(path));
}

bool covers(std::string_view one, std::string_view other) {
  return PathPattern(one).covers(PathPattern(other));
}

TEST(PathPattern, CoversWhatItWouldMatch) {
  EXPECT_TRUE(covers("/", "/a/"));
  EXPECT_TRUE(covers("/", "*.php"));
  EXPECT_TRUE(covers("/", "=/"));
  EXPECT_TRUE(covers("/a", "/a/"));
  EXPECT_TRUE(covers("/a/", "/a/b/"));
  EXPECT_TRUE(covers("/a/", "=/a/b"));
  EXPECT_TRUE(covers("/a/", "/a/*.png"));
  EXPECT_TRUE(covers("*.php", "*.php"));
  EXPECT_TRUE(covers("*.php", "=/x.php"));
  EXPECT_TRUE(covers("/a*", "/abc/"));
  EXPECT_TRUE(covers("/*", "/a*"));

  EXPECT_FALSE(covers("/a/", "/"));
  EXPECT_FALSE(covers("/a/", "/ab/"));
  EXPECT_FALSE(covers("/a/", "/a*"));
  EXPECT_FALSE(covers("=/a", "/a"));
  EXPECT_FALSE(covers("*.php", "/"));
  EXPECT_FALSE(covers("*.php", "/a/*.php"));
}

TEST(HostName, LeavesPortAndTrailingDotOut) {
  EXPECT_EQ(host_name("example.org"), "example.org");
  EXPECT_EQ(host_name("example.org:8080"), "example.org");
  EXPECT_EQ(host_name("example.org.:8080"), "example.org");
  EXPECT_EQ(host_name("[::1]:8080"), "[::1]");
  EXPECT_EQ(host_name("[::1]"), "[::1]");
  EXPECT_EQ(host_name("[::1"), "[::1");
  EXPECT_EQ(host_name(""), "");
}

TEST(HostMatches, ExactWithoutCaseAndBelow) {
  EXPECT_TRUE(host_matches("example.org", "Example.ORG"));
  EXPECT_FALSE(host_matches("example.org", "www.example.org"));
  EXPECT_TRUE(host_matches("*.example.org", "a.B.example.org"));
  EXPECT_FALSE(host_matches("*.example.org", "example.org"));
  EXPECT_FALSE(host_matches("*.example.org", "notexample.org"));
  EXPECT_TRUE(host_matches("*", ""));
}

TEST(HostCovers, WiderPatterns) {
  EXPECT_TRUE(host_covers("*", "example.org"));
  EXPECT_TRUE(host_covers("*.org", "*.example.org"));
  EXPECT_TRUE(host_covers("*.example.org", "www.example.org"));
  EXPECT_FALSE(host_covers("*.example.org", "*.org"));
  EXPECT_FALSE(host_covers("*.example.org", "*"));
  EXPECT_FALSE(host_covers("example.org", "*.example.org"));
}

}  // namespace
}  // namespace remuda::config
