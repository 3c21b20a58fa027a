// SPDX-License-Identifier: Apache-2.0
//
// Requests as an application with an HTTP server of its own is sent them.
#include "gateway/wire/http_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::gateway::wire {
namespace {

using namespace std::string_literals;
using http::KnownName;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpRequest : public ::testing::Test {
 protected:
  std::string written(const HttpRequestHead& head = {}) {
    std::string out;
    append_http_request(exchange_.request, head, out);
    return out;
  }
  void add(std::string_view name, std::string_view value) { exchange_.request.fields.add(name, value); }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  http::testing::FakeExchange exchange_{loop_, "GET", "/a%2Fb/../c?d=%20"};
};

TEST_F(HttpRequest, IsInOriginFormAsItCame) {
  exchange_.request.authority = "example.org:81";
  const std::string text = written();
  EXPECT_THAT(text, StartsWith("GET /a%2Fb/../c?d=%20 HTTP/1.1\r\nHost: example.org:81\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nVia: 1.1 remuda\r\n\r\n"));
}

TEST_F(HttpRequest, LeavesOutWhatIsOfTheConnection) {
  for (const std::string_view name : {"TE", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection", "Proxy",
                                      "Proxy-Authorization", "Expect", "Transfer-Encoding", "X-Hop", "X_A"})
    add(name, "left-out");
  add("Connection", "x-hop, close");
  add("Content-Type", "text/plain");
  add("Accept", "a");
  const std::string text = written();
  EXPECT_THAT(text, Not(HasSubstr("left-out")));
  EXPECT_THAT(text, Not(HasSubstr("Connection")));
  EXPECT_THAT(text, HasSubstr("Content-Type: text/plain\r\nAccept: a\r\n"));
}

TEST_F(HttpRequest, SaysWhereItComesFrom) {
  exchange_.request.authority = "example.org";
  add("X-Forwarded-For", "6.6.6.6");
  add("X-Forwarded-Proto", "https");
  add("X-Real-IP", "6.6.6.6");
  add("Forwarded", "for=6.6.6.6");
  const std::string replaced = written();
  EXPECT_THAT(replaced, Not(HasSubstr("6.6.6.6")));
  EXPECT_THAT(replaced, HasSubstr("X-Forwarded-Proto: http\r\nX-Forwarded-Host: example.org\r\n"));
  const std::string appended = written({.forwarded = Forwarded::kAppend});
  EXPECT_THAT(appended, HasSubstr("X-Forwarded-For: 6.6.6.6, "));
  EXPECT_THAT(appended, HasSubstr("X-Forwarded-Proto: https\r\n"));
  EXPECT_THAT(appended, Not(HasSubstr("X-Forwarded-Proto: http\r\n")));
  const std::string passed = written({.forwarded = Forwarded::kPass});
  EXPECT_THAT(passed, HasSubstr("X-Forwarded-For: 6.6.6.6\r\n"));
  EXPECT_THAT(passed, Not(HasSubstr("X-Forwarded-Host")));
}

TEST_F(HttpRequest, TellsWhatWasAdded) {
  exchange_.request.authority = "example.org";
  add("X-User", "mallory");
  add("Authorization", "Basic x");
  const std::string text =
      written({.pass_authorization = false, .variables = "HTTP_X_USER=ann\0REMOTE_USER=ann\0HTTP_HOST=b\0"s});
  EXPECT_THAT(text, HasSubstr("X-User: ann\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nHost: b\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("mallory")));
  EXPECT_THAT(text, Not(HasSubstr("Basic")));
  EXPECT_THAT(text, Not(HasSubstr("Host: example.org\r\nX")));
}

TEST_F(HttpRequest, FramesItsBody) {
  using Body = HttpRequestHead::Body;
  EXPECT_THAT(written({.body = Body::kLength, .length = 7}), HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(written({.body = Body::kChunked}), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(written({.after = HttpRequestHead::After::kClose}), HasSubstr("Connection: close\r\n"));
  std::string chunk;
  append_http_chunk(std::string(26, 'x'), chunk);
  EXPECT_EQ(chunk, "1a\r\n" + std::string(26, 'x') + "\r\n");
}

TEST_F(HttpRequest, AsksForAnotherProtocol) {
  add("Upgrade", "websocket");
  EXPECT_FALSE(asks_for_upgrade(exchange_.request)) << "Connection does not name it";
  add("Connection", "keep-alive, Upgrade");
  EXPECT_TRUE(asks_for_upgrade(exchange_.request));
  EXPECT_THAT(written({.upgrade = true}), HasSubstr("Connection: upgrade\r\nUpgrade: websocket\r\n"));
  exchange_.request.version = http::Version::k10;
  EXPECT_FALSE(asks_for_upgrade(exchange_.request));
}

}  // namespace
}  // namespace remuda::gateway::wire
