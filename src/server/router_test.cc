// SPDX-License-Identifier: Apache-2.0
//
// Tests of routing: order, hosts, mounts, methods, and the trace.
#include "server/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remuda::server {
namespace {

using testing::ElementsAre;
using Kind = RouteMatch::Kind;

config::Route route(std::string path, config::StringList host = {}, config::StringList method = {}) {
  config::Route made;
  made.path = std::move(path);
  made.host = std::move(host);
  made.method = std::move(method);
  return made;
}

// "1 /a" for the second route mounted at /a, "404", "405".
std::string where(const Router& router, std::string_view host, std::string_view path,
                  std::string_view method = "GET") {
  const RouteMatch match = router.match(host, path, method);
  if (match.kind == Kind::kNotFound) return "404";
  if (match.kind == Kind::kMethodNotAllowed) return "405";
  return std::to_string(match.route) + " " + std::string(path.substr(0, match.mount));
}

TEST(Router, InternalRoutesAnswerNobodyFromOutside) {
  auto inside = route("/inside/");
  inside.internal = true;
  const Router router({route("/inside/public/"), inside, route("/")});
  EXPECT_EQ(where(router, "h", "/inside/public/a"), "0 /inside/public");
  EXPECT_EQ(where(router, "h", "/inside/a"), "404");
  const RouteMatch match = router.match("h", "/inside/a", "GET", Asked::kFromInside);
  EXPECT_EQ(match.kind, Kind::kRoute);
  EXPECT_EQ(match.route, 1U);
  EXPECT_THAT(router.trace("h", "/inside/a", "GET"),
              ElementsAre(RouteVerdict::kOtherPath, RouteVerdict::kInternalOnly, RouteVerdict::kNotTried));
}

TEST(Router, FirstMatchWins) {
  const Router router({route("/a/b/"), route("/a/"), route("*.png"), route("/")});
  EXPECT_EQ(where(router, "h", "/a/b/c"), "0 /a/b");
  EXPECT_EQ(where(router, "h", "/a/b"), "0 /a/b");
  EXPECT_EQ(where(router, "h", "/a/bc"), "1 /a");
  EXPECT_EQ(where(router, "h", "/x/y.png"), "2 ");
  EXPECT_EQ(where(router, "h", "/"), "3 ");
}

TEST(Router, NothingMatchesIs404) {
  EXPECT_EQ(where(Router(std::vector<config::Route>{}), "h", "/"), "404");
  EXPECT_EQ(where(Router({route("/a/")}), "h", "/b"), "404");
}

TEST(Router, HostsWithoutPortCaseAndTrailingDot) {
  const Router router({route("/", {"example.org"}), route("/", {"*.example.org", "[::1]"}), route("/x/")});
  EXPECT_EQ(where(router, "EXAMPLE.org.:8080", "/"), "0 ");
  EXPECT_EQ(where(router, "www.example.org", "/"), "1 ");
  EXPECT_EQ(where(router, "[::1]:80", "/"), "1 ");
  EXPECT_EQ(where(router, "other", "/x"), "2 /x");
  EXPECT_EQ(where(router, "other", "/"), "404");
  EXPECT_EQ(where(router, "", "/"), "404");
}

TEST(Router, MethodsFallThroughThen405) {
  const Router router({route("/a/", {}, {"POST", "PUT"}), route("/a/b/", {}, {"GET"}),
                       route("/c/", {}, {"GET"}), route("/c/")});
  EXPECT_EQ(where(router, "h", "/a/b", "POST"), "0 /a");
  EXPECT_EQ(where(router, "h", "/a/b", "GET"), "1 /a/b");
  EXPECT_EQ(where(router, "h", "/a/b", "HEAD"), "1 /a/b");
  EXPECT_EQ(where(router, "h", "/a/b", "DELETE"), "405");
  EXPECT_EQ(router.allowed_methods("h", "/a/b"), "GET, HEAD, POST, PUT");
  EXPECT_EQ(router.allowed_methods("h", "/a/x"), "POST, PUT");
  EXPECT_EQ(where(router, "h", "/c/", "DELETE"), "3 /c");
  EXPECT_EQ(where(router, "h", "/a/", "post"), "405");
}

TEST(Router, AnotherHostsMethodsAreNotAllowed) {
  const Router router({route("/", {"a.org"}, {"POST"}), route("/", {"b.org"}, {"PUT"})});
  EXPECT_EQ(where(router, "a.org", "/"), "405");
  EXPECT_EQ(router.allowed_methods("a.org", "/"), "POST");
  EXPECT_EQ(where(router, "c.org", "/"), "404");
}

TEST(Router, TraceSaysWhyEachRuleDidNotMatch) {
  const Router router(
      {route("/a/"), route("/", {"a.org"}), route("/", {}, {"POST"}), route("/"), route("/late/")});
  EXPECT_THAT(router.trace("b.org", "/x", "GET"),
              ElementsAre(RouteVerdict::kOtherPath, RouteVerdict::kOtherHost, RouteVerdict::kOtherMethod,
                          RouteVerdict::kMatched, RouteVerdict::kNotTried));
}

}  // namespace
}  // namespace remuda::server
