// SPDX-License-Identifier: Apache-2.0
//
// Tests of durations, sizes, addresses and paths.
#include "config/quantity.h"

#include <gtest/gtest.h>

namespace remuda::config {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsNumbersWithUnits) {
  EXPECT_EQ(parse_duration("500ms"), Duration(500ms));
  EXPECT_EQ(parse_duration("30s"), Duration(30s));
  EXPECT_EQ(parse_duration("1m30s"), Duration(90s));
  EXPECT_EQ(parse_duration("2h"), Duration(2h));
  EXPECT_EQ(parse_duration("1d"), Duration(24h));
  EXPECT_EQ(parse_duration("0s"), Duration(0));
}

TEST(ParseDuration, RefusesTheRest) {
  for (const char* text : {"", "30", "s", "30 s", "-1s", "1.5s", "30sec", "s30", "99999999999999999999s",
                           "9223372036854775807d", "106751991167d106751991167d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(FormatDuration, UsesTheLargestUnitThatDivides) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(75s), "75s");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(48h), "2d");
}

TEST(ParseSize, ReadsPowersOf1024) {
  EXPECT_EQ(parse_size("500B"), Bytes{500});
  EXPECT_EQ(parse_size("8KiB"), Bytes{8192});
  EXPECT_EQ(parse_size("1GiB"), gibibytes(1));
  for (const char* text : {"", "8", "8K", "8kb", "KiB", "-1B", "1.5MiB", "9999999999TiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(ParseSize, GuessesWhatWasMeant) {
  EXPECT_EQ(guess_size("8k"), kibibytes(8));
  EXPECT_EQ(guess_size("10 MB"), mebibytes(10));
  EXPECT_EQ(guess_size("many"), std::nullopt);
}

TEST(FormatSize, UsesTheLargestUnitThatDivides) {
  EXPECT_EQ(format_size({0}), "0B");
  EXPECT_EQ(format_size({1000}), "1000B");
  EXPECT_EQ(format_size({1536}), "1536B");
  EXPECT_EQ(format_size(mebibytes(1024)), "1GiB");
}

std::string address(std::string_view text) {
  const auto parsed = parse_address(text, "/site");
  return parsed ? to_string(*parsed) : parsed.error().what + "; " + parsed.error().hint;
}

TEST(ParseAddress, Normalises) {
  EXPECT_EQ(address("127.0.0.1:8080"), "127.0.0.1:8080");
  EXPECT_EQ(address("localhost:80"), "127.0.0.1:80");
  EXPECT_EQ(address("[::]:8080"), "[::]:8080");
  EXPECT_EQ(address("[0:0:0:0:0:0:0:1]:0"), "[::1]:0");
  EXPECT_EQ(address("unix:/run/x.sock"), "unix:/run/x.sock");
  EXPECT_EQ(address("unix:x.sock"), "unix:/site/x.sock");
  EXPECT_EQ(address("unix:@remuda"), "unix:@remuda");
}

TEST(ParseAddress, SaysWhatToWriteInstead) {
  EXPECT_EQ(address("8080"), "the address is missing; write \"127.0.0.1:8080\"");
  EXPECT_EQ(
      address(":8080"),
      "the address is missing; \"127.0.0.1:8080\" is this machine only, \"0.0.0.0:8080\" every IPv4 address, "
      "\"[::]:8080\" every IPv6 address");
  EXPECT_EQ(address("127.0.0.1"), "the port is missing; write \"127.0.0.1:8080\"");
  EXPECT_EQ(address("[::1]"), "the port is missing; write \"[::1]:8080\"");
  EXPECT_EQ(address("127.0.0.1:99999"),
            "\"99999\" is not a port; a number from 0 to 65535; 0 lets the kernel choose");
  EXPECT_EQ(address("127.0.0.1:http"),
            "\"http\" is not a port; a number from 0 to 65535; 0 lets the kernel choose");
  EXPECT_EQ(address("::1:80"), "an IPv6 address stands in brackets; write \"[::1]:80\"");
  EXPECT_EQ(address("[::g]:80"), "\"[::g]\" is not an IPv6 address; such as \"[::1]\"");
  EXPECT_EQ(address("example.org:80"),
            "\"example.org\" is not a numeric address; such as \"127.0.0.1\" or \"[::1]\"");
  EXPECT_EQ(address("/run/x.sock"), "this is a path; write \"unix:/run/x.sock\"");
  EXPECT_EQ(address("unix:"), "a path is missing; such as \"unix:/run/remuda.sock\"");
  EXPECT_EQ(address("unix:/" + std::string(120, 'x')),
            "the path is longer than the 107 bytes that a socket's name may have; use a shorter one");
}

TEST(AbsolutePath, BeginsAtTheBaseAndResolvesDots) {
  EXPECT_EQ(absolute_path("a", "/site"), "/site/a");
  EXPECT_EQ(absolute_path(".", "/site"), "/site");
  EXPECT_EQ(absolute_path("../b/./c/", "/site"), "/b/c");
  EXPECT_EQ(absolute_path("/x", "/site"), "/x");
  EXPECT_EQ(absolute_path("/", "/site"), "/");
}

}  // namespace
}  // namespace remuda::config
