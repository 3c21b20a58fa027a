// SPDX-License-Identifier: Apache-2.0
//
// Records as applications send them and as they must not, whole and byte by byte.
#include "gateway/wire/fastcgi_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace remuda::gateway::wire {
namespace {

using Kind = FastcgiEvent::Kind;

std::string record(int type, int request, const std::string& content, size_t padding = 0) {
  const auto octet = [](size_t number) { return static_cast<char>(number & 0xff); };
  std::string bytes = {1,
                       octet(static_cast<size_t>(type)),
                       octet(static_cast<size_t>(request) >> 8),
                       octet(static_cast<size_t>(request)),
                       octet(content.size() >> 8),
                       octet(content.size()),
                       octet(padding),
                       0};
  return bytes + content + std::string(padding, 'p');
}

std::string end_request(int request, char app_status = 0, char status = 0) {
  return record(3, request, {0, 0, 0, app_status, status, 0, 0, 0});
}

struct Decoded {
  std::string output;
  std::string errors;
  std::vector<FastcgiEvent> events;  // all others
  std::string values;
  std::string trouble;
};

// In pieces of `piece` bytes.
Decoded decode(std::string_view bytes, size_t piece = SIZE_MAX) {
  Decoded decoded;
  FastcgiDecoder decoder;
  while (!bytes.empty()) {
    std::string_view some = bytes.substr(0, piece);
    bytes.remove_prefix(some.size());
    while (true) {
      const FastcgiEvent event = decoder.next(some);
      if (event.kind == Kind::kNeedsMore) break;
      if (event.kind == Kind::kBroken) {
        decoded.trouble = event.trouble;
        return decoded;
      }
      if (event.kind == Kind::kOutput) {
        EXPECT_FALSE(event.content.empty());
        decoded.output += event.content;
      } else if (event.kind == Kind::kErrors) {
        decoded.errors += event.content;
      } else {
        if (event.kind == Kind::kValues) decoded.values = event.content;
        decoded.events.push_back(event);
        decoded.events.back().content = {};
      }
    }
    EXPECT_TRUE(some.empty());
  }
  return decoded;
}

TEST(FastcgiDecoder, AnySplitMeansTheSame) {
  const std::string bytes = record(6, 1, "Status: 200\r\n\r\nhel", 5) + record(7, 1, "oh dear\n", 0) +
                            record(6, 1, "lo", 6) + record(6, 1, "") + record(7, 1, "", 3) +
                            end_request(1, 3, 0) + record(10, 0, "pairs") +
                            record(11, 0, {77, 0, 0, 0, 0, 0, 0, 0});
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Decoded decoded = decode(bytes, piece);
    EXPECT_EQ(decoded.trouble, "");
    EXPECT_EQ(decoded.output, "Status: 200\r\n\r\nhello");
    EXPECT_EQ(decoded.errors, "oh dear\n");
    ASSERT_EQ(decoded.events.size(), 3U);
    EXPECT_EQ(decoded.events[0].kind, Kind::kEnd);
    EXPECT_EQ(decoded.events[0].request, 1);
    EXPECT_EQ(decoded.events[0].app_status, 3U);
    EXPECT_EQ(decoded.events[0].status, FastcgiStatus::kRequestComplete);
    EXPECT_EQ(decoded.values, "pairs");
    EXPECT_EQ(decoded.events[2].kind, Kind::kUnknownType);
  }
}

TEST(FastcgiDecoder, TheLargestRecord) {
  const std::string content(65535, 'x');
  const std::string bytes =
      record(6, 65535, content, 255) + record(7, 65535, content, 1) + end_request(65535);
  for (const size_t piece : {SIZE_MAX, size_t{4096}, size_t{65536}, size_t{65790}}) {
    const Decoded decoded = decode(bytes, piece);
    EXPECT_EQ(decoded.trouble, "");
    EXPECT_EQ(decoded.output, content);
    EXPECT_EQ(decoded.errors, content);
    ASSERT_EQ(decoded.events.size(), 1U);
    EXPECT_EQ(decoded.events[0].request, 65535);
  }
}

TEST(FastcgiDecoder, StatusesOfTheProtocol) {
  for (const char status : {'\0', '\1', '\2', '\3'}) {
    const Decoded decoded = decode(end_request(2, 0, status));
    ASSERT_EQ(decoded.events.size(), 1U);
    EXPECT_EQ(static_cast<char>(decoded.events[0].status), status);
  }
  EXPECT_NE(decode(end_request(2, 0, 4)).trouble, "");
  const Decoded decoded = decode(record(3, 1, {'\xff', '\xff', '\xff', '\xfe', 0, 0, 0, 0}));
  EXPECT_EQ(decoded.events.at(0).app_status, 0xfffffffeU);
}

TEST(FastcgiDecoder, WhatEndsTheConnection) {
  std::string other_version = record(6, 1, "x");
  other_version[0] = 2;
  for (const std::string& bytes : {other_version,
                                   std::string("HTTP/1.1 200 OK\r\n\r\n"),
                                   record(6, 0, "x"),
                                   record(7, 0, "x"),
                                   end_request(0),
                                   record(3, 1, "1234567"),
                                   record(3, 1, "123456789"),
                                   record(3, 1, ""),
                                   record(10, 1, ""),
                                   record(10, 0, std::string(1025, 'x')),
                                   record(11, 1, "12345678"),
                                   record(11, 0, "1234567"),
                                   record(1, 1, "12345678"),
                                   record(2, 1, ""),
                                   record(4, 1, ""),
                                   record(5, 1, ""),
                                   record(8, 1, ""),
                                   record(9, 0, ""),
                                   record(0, 1, ""),
                                   record(12, 1, ""),
                                   record(255, 0, "")}) {
    EXPECT_NE(decode(bytes).trouble, "") << bytes;
    EXPECT_EQ(decode(bytes, 1).trouble, decode(bytes).trouble);
  }
}

TEST(FastcgiDecoder, NothingFollowsWhatIsBroken) {
  FastcgiDecoder decoder;
  const std::string bad = record(6, 0, "x");
  std::string_view bytes = bad;
  EXPECT_EQ(decoder.next(bytes).kind, Kind::kBroken);
  const std::string good = end_request(1);
  bytes = good;
  EXPECT_EQ(decoder.next(bytes).kind, Kind::kBroken);
}

// What HAProxy wrapped to zero: content and padding together beyond 16 bits, in a record that is ignored.
TEST(FastcgiDecoder, PaddingIsAddedInWiderNumbers) {
  const std::string bytes = record(7, 9, std::string(65535, 'e'), 1) + end_request(1);
  EXPECT_EQ(decode(bytes).events.size(), 1U);
}

TEST(FastcgiDecoder, KnowsWhenARecordIsCut) {
  FastcgiDecoder decoder;
  EXPECT_TRUE(decoder.between_records());
  const std::string whole = record(6, 1, "abc", 5);
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(decoder.between_records(), i == 0) << i;
    std::string_view byte = std::string_view(whole).substr(i, 1);
    while (decoder.next(byte).kind != Kind::kNeedsMore) {
    }
  }
  EXPECT_TRUE(decoder.between_records());
}

}  // namespace
}  // namespace remuda::gateway::wire
