// SPDX-License-Identifier: Apache-2.0
//
// What an access log line says, what a client cannot make it say, and that writing it allocates nothing.
#include "server/access_line.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"
#include "loop/loop.h"

namespace remuda::server {
namespace {

using namespace std::chrono_literals;
using config::AccessFormat;
using http::KnownName;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

class AccessLineTest : public testing::Test {
 protected:
  AccessLineTest() : room_(kLongestLine) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    exchange_.endpoints.peer = peer("192.0.2.7");
    record_ = {.status = 200,
               .bytes_received = 3,
               .bytes_sent = 1200,
               .body_bytes_sent = 1024,
               .head_read = loop_.now() + 10us,
               .head_sent = loop_.now() + 300us,
               .ended = loop_.now() + 450us,
               .complete = true};
  }

  static http::Address peer(const char* text) {
    sockaddr_storage storage{};
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(4711);
    ::inet_pton(AF_INET, text, &address.sin_addr);
    return http::Address::from(storage);
  }

  std::string line(AccessFormat format) {
    const size_t length = write_access_line(room_, format, exchange_, record_, loop_.now(), clock_);
    return {room_.data(), length};
  }
  nlohmann::json parsed() { return nlohmann::json::parse(line(AccessFormat::kJson)); }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  http::testing::FakeExchange exchange_{loop_, "GET", "/a?b=c"};
  http::Record record_;
  WallClock clock_;
  std::vector<char> room_;
};

TEST_F(AccessLineTest, Combined) {
  exchange_.request.fields.add(KnownName::kReferer, "http://example.test/");
  exchange_.request.fields.add(KnownName::kUserAgent, "curl/7.88.1");
  EXPECT_THAT(
      line(AccessFormat::kCombined),
      MatchesRegex("192\\.0\\.2\\.7 - - \\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} \\+0000\\] "
                   "\"GET /a\\?b=c HTTP/1\\.1\" 200 1024 \"http://example.test/\" \"curl/7.88.1\"\n"));
}

TEST_F(AccessLineTest, CombinedWithWhatIsMissing) {
  exchange_.request.method = {};
  exchange_.request.target = {};
  exchange_.request.endpoints = nullptr;
  record_ = {};
  EXPECT_THAT(line(AccessFormat::kCombined), MatchesRegex("- - - \\[.*\\] \"-\" - - \"-\" \"-\"\n"));
}

TEST_F(AccessLineTest, Json) {
  exchange_.request.fields.add(KnownName::kUserAgent, "curl/7.88.1");
  exchange_.handled_by = "files";
  exchange_.handling_began = loop_.now() + 20us;
  const std::string text = line(AccessFormat::kJson);
  EXPECT_THAT(text, EndsWith("}\n"));
  nlohmann::json got = nlohmann::json::parse(text);
  EXPECT_THAT(got["time"].get<std::string>(),
              MatchesRegex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z"));
  got.erase("time");
  EXPECT_EQ(got, nlohmann::json::parse(R"({
      "id": "000000000000002a", "remote": "192.0.2.7", "method": "GET", "target": "/a?b=c",
      "version": "HTTP/1.1", "host": "example.test", "user_agent": "curl/7.88.1", "status": 200,
      "received": 3, "sent": 1200, "content": 1024, "head_us": 10, "handling_us": 20, "response_us": 300,
      "total_us": 450, "handler": "files", "complete": true})"));
}

TEST_F(AccessLineTest, TheDriversTroubleComesBeforeTheHandlers) {
  exchange_.trouble = "the application said so";
  EXPECT_EQ(parsed()["trouble"], "the application said so");
  record_.trouble = "bare LF in the head";
  record_.complete = false;
  EXPECT_EQ(parsed()["trouble"], "bare LF in the head");
  EXPECT_EQ(parsed()["complete"], false);
}

TEST_F(AccessLineTest, NothingFromTheClientEndsTheLineOrTheString) {
  exchange_.request.method = "G\"T";
  exchange_.request.target = "/\r\n\x01\x7f\\\"";
  exchange_.request.fields.add(KnownName::kUserAgent, "\xff caf\xc3\xa9 \xe2\x82\xac \xed\xa0\x80");
  const std::string combined = line(AccessFormat::kCombined);
  EXPECT_THAT(combined, HasSubstr(R"("G\"T /\x0d\x0a\x01\x7f\\\" HTTP/1.1")"));
  EXPECT_THAT(combined, HasSubstr(R"(\xff caf\xc3\xa9 \xe2\x82\xac \xed\xa0\x80")"));
  EXPECT_EQ(std::ranges::count(combined, '\n'), 1);
  const nlohmann::json got = parsed();
  EXPECT_EQ(got["method"], "G\"T");
  EXPECT_EQ(got["target"], "/\r\n\x01\x7f\\\"");
  EXPECT_EQ(got["user_agent"], "\xc3\xbf caf\xc3\xa9 \xe2\x82\xac \xc3\xad\xc2\xa0\xc2\x80");
}

// The worst that the limits of a head allow, and beyond: every byte escaped, everything as long as can be.
TEST_F(AccessLineTest, TheLongestLineStillIsOneLine) {
  for (const char byte : {'x', '\x01', '"', '\xff'}) {
    const std::string endless(100'000, byte);
    exchange_.request.method = endless;
    exchange_.request.target = endless;
    exchange_.request.authority = endless;
    exchange_.request.fields.clear();
    exchange_.request.fields.add(KnownName::kReferer, endless);
    exchange_.request.fields.add(KnownName::kUserAgent, endless);
    exchange_.handled_by = endless;
    record_.trouble = endless;
    const std::string combined = line(AccessFormat::kCombined);
    EXPECT_LT(combined.size(), kLongestLine);
    EXPECT_THAT(combined, EndsWith("...\"\n"));
    const nlohmann::json got = parsed();
    EXPECT_TRUE(got["trouble"].get<std::string>().ends_with("..."));
    EXPECT_GT(got["target"].get<std::string>().size(), 2000U);
  }
}

TEST_F(AccessLineTest, EveryByteEverywhereIsValidJson) {
  for (int first = 0; first < 256; ++first) {
    for (const int second : {0x00, 0x22, 0x5c, 0x61, 0x80, 0xa0, 0xbf, 0xc2, 0xff}) {
      const std::string target = {'/', static_cast<char>(first), static_cast<char>(second)};
      exchange_.request.target = target;
      EXPECT_TRUE(nlohmann::json::accept(line(AccessFormat::kJson))) << first << ' ' << second;
    }
  }
}

TEST_F(AccessLineTest, AShortFieldIsNotCut) {
  const std::string just_fits(246, 'm');
  exchange_.request.method = just_fits;
  EXPECT_EQ(parsed()["method"], just_fits);
  const std::string too_long(247, 'm');
  exchange_.request.method = too_long;
  EXPECT_EQ(parsed()["method"], just_fits + "...");
}

TEST(WallClock, FollowsTheLoopsClock) {
  WallClock clock;
  const loop::Time now = loop::Time() + 1h;
  const int64_t then = clock.nanoseconds(now, now);
  EXPECT_EQ(clock.nanoseconds(now + 500ms, now + 500ms) - then, 500'000'000);
  EXPECT_EQ(clock.nanoseconds(now - 2s, now + 500ms) - then, -2'000'000'000);
}

TEST(WallClock, WritesLocalTime) {
  ::setenv("TZ", "XYZ-05:30", 1);
  ::tzset();
  WallClock clock;
  EXPECT_EQ(clock.local_text(1'795'248'000'000'000'000), "21/Nov/2026:13:30:00 +0530");
  EXPECT_EQ(clock.local_text(1'795'248'001'000'000'000), "21/Nov/2026:13:30:01 +0530");
  ::setenv("TZ", "UTC", 1);
  ::tzset();
}

}  // namespace
}  // namespace remuda::server
