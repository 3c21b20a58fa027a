// SPDX-License-Identifier: Apache-2.0
//
// What a head parser accepts, and that neither cuts nor limits change more than they should. Refusals of
// malformed heads stand in head_refusal_test.cc.
#include "http/h1/head_parser.h"

#include <gtest/gtest.h>

#include "http/h1/codec_invariants.h"

namespace remuda::http::h1 {
namespace {

constexpr std::string_view kBrowser =
    "GET /assets/site.css?v=12&x=%20 HTTP/1.1\r\n"
    "Host: www.example.org:8443\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/css,*/*;q=0.1\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Referer: https://www.example.org:8443/index.html\r\n"
    "Cookie: session=abcdefghijklmnop; theme=dark\r\n"
    "Sec-Fetch-Dest: style\r\n"
    "Sec-Fetch-Mode: no-cors\r\n"
    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";

std::string get(std::string_view target, std::string_view host = "h") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

TEST(HeadParser, ReadsABrowsersRequest) {
  HeadRun run(kBrowser);
  ASSERT_EQ(run.parse_whole(), Outcome::kComplete) << run.parser().why();
  const Request& request = run.request();
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/assets/site.css?v=12&x=%20");
  EXPECT_EQ(request.raw_path, "/assets/site.css");
  EXPECT_TRUE(request.has_query);
  EXPECT_EQ(request.query, "v=12&x=%20");
  EXPECT_EQ(request.form, TargetForm::kOrigin);
  EXPECT_EQ(request.version, Version::k11);
  EXPECT_EQ(request.authority, "www.example.org:8443");
  EXPECT_EQ(request.fields.size(), 12U);
  EXPECT_EQ(request.fields.get(KnownName::kAcceptEncoding), "gzip, deflate, br, zstd");
  EXPECT_EQ(request.fields.find("sec-fetch-mode")->value, "no-cors");
  EXPECT_EQ(run.parser().head_bytes(), kBrowser.size());
  EXPECT_TRUE(run.parser().framing().keep_alive);
  EXPECT_EQ(run.parser().framing().kind, Framing::Kind::kNone);
}

TEST(HeadParser, CutsChangeNothing) {
  for (size_t cut = 0; cut <= kBrowser.size(); ++cut) {
    HeadRun run(kBrowser);
    EXPECT_EQ(run.parse(cut), cut == kBrowser.size() ? Outcome::kComplete : Outcome::kIncomplete);
    EXPECT_EQ(run.parse_whole(), Outcome::kComplete);
    HeadRun whole(kBrowser);
    whole.parse_whole();
    EXPECT_EQ(run.summary(), whole.summary());
  }
}

TEST(HeadParser, LeavesWhatFollowsAlone) {
  const std::string first = get("/1");
  HeadRun run(first + "\x16\n garbage");
  ASSERT_EQ(run.parse_whole(), Outcome::kComplete);
  EXPECT_EQ(run.parser().head_bytes(), first.size());
}

TEST(HeadParser, SaysTheSameAgain) {
  HeadRun good(kBrowser);
  good.parse_whole();
  EXPECT_EQ(good.parse_whole(), Outcome::kComplete);
  HeadRun bad("GET  / HTTP/1.1\r\n\r\n");
  bad.parse_whole();
  EXPECT_EQ(bad.parse_whole(), Outcome::kRefused);
  EXPECT_EQ(bad.parser().status(), 400);
}

TEST(HeadParser, BeginsAnewWhenTheBytesHaveMoved) {
  alignas(16) std::byte block[64];
  base::Arena arena(block);
  Request request(arena);
  HeadLimits limits;
  HeadParser parser(request, limits);
  EXPECT_FALSE(parser.has_begun());
  {
    const ExactBytes here(kBrowser.substr(0, 200));
    EXPECT_EQ(parser.parse(here.text()), Outcome::kIncomplete);
    EXPECT_TRUE(parser.has_begun());
  }
  parser.restart();
  const ExactBytes there(kBrowser);
  EXPECT_EQ(parser.parse(there.text()), Outcome::kComplete);
  EXPECT_EQ(request.fields.size(), 12U);
  EXPECT_EQ(request.query, "v=12&x=%20");
}

TEST(HeadParser, OneEmptyLineBeforeTheRequest) {
  HeadRun run("\r\n" + get("/"));
  EXPECT_EQ(run.parse(2), Outcome::kIncomplete);
  EXPECT_FALSE(run.parser().has_begun());
  EXPECT_EQ(run.parse_whole(), Outcome::kComplete);
  EXPECT_EQ(run.parser().head_bytes(), run.bytes().size());
}

TEST(HeadParser, MethodsAreTokens) {
  for (const std::string method : {"get", "PROPFIND", "M-SEARCH", "X", "!#$%&'*+-.^_`|~09",
                                   "SIXTY-FOUR-OCTETS-SIXTY-FOUR-OCTETS-SIXTY-FOUR-OCTETS-SIXTY-FOUR"}) {
    HeadRun run(method + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(run.parse_whole(), Outcome::kComplete) << method;
    EXPECT_EQ(run.request().method, method);
  }
}

TEST(HeadParser, Versions) {
  for (const auto& [version, expected] : {std::pair("1.0", Version::k10),
                                          {"1.1", Version::k11},
                                          {"1.2", Version::k11},
                                          {"1.9", Version::k11}}) {
    HeadRun run("GET / HTTP/" + std::string(version) + "\r\nHost: h\r\n\r\n");
    EXPECT_EQ(run.parse_whole(), Outcome::kComplete) << version;
    EXPECT_EQ(run.request().version, expected);
  }
}

TEST(HeadParser, Targets) {
  struct Case {
    std::string_view method, target;
    TargetForm form;
    std::string_view path, query, authority;
    bool has_query = false;
  };
  for (const Case& c : {
           Case{"GET", "/", TargetForm::kOrigin, "/", "", "h"},
           {"GET", "/?", TargetForm::kOrigin, "/", "", "h", true},
           {"GET", "/a?b?c=/d", TargetForm::kOrigin, "/a", "b?c=/d", "h", true},
           {"GET", "//x/..%2f", TargetForm::kOrigin, "//x/..%2f", "", "h"},
           {"GET", "/a|b{}[]^\\\"<>`", TargetForm::kOrigin, "/a|b{}[]^\\\"<>`", "", "h"},
           {"GET", "http://other:81/p?q", TargetForm::kAbsolute, "/p", "q", "other:81", true},
           {"GET", "HTTPS://other", TargetForm::kAbsolute, "/", "", "other"},
           {"GET", "http://other?q", TargetForm::kAbsolute, "/", "q", "other", true},
           {"GET", "http://[::1]:8080/", TargetForm::kAbsolute, "/", "", "[::1]:8080"},
           {"OPTIONS", "*", TargetForm::kAsterisk, "*", "", "h"},
           {"OPTIONS", "http://other:81", TargetForm::kAsterisk, "*", "", "other:81"},
           {"OPTIONS", "http://other:81/", TargetForm::kAbsolute, "/", "", "other:81"},
           {"OPTIONS", "/", TargetForm::kOrigin, "/", "", "h"},
           {"CONNECT", "other:443", TargetForm::kAuthority, "", "", "other:443"},
       }) {
    HeadRun run(std::string(c.method) + " " + std::string(c.target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_EQ(run.parse_whole(), Outcome::kComplete) << c.target << ": " << run.parser().why();
    const Request& request = run.request();
    EXPECT_EQ(request.target, c.target);
    EXPECT_EQ(request.form, c.form) << c.target;
    EXPECT_EQ(request.raw_path, c.path);
    EXPECT_EQ(request.query, c.query);
    EXPECT_EQ(request.has_query, c.has_query) << c.target;
    EXPECT_EQ(request.authority, c.authority);
    EXPECT_EQ(request.fields.get(KnownName::kHost), c.authority);
  }
}

TEST(HeadParser, Hosts) {
  for (const std::string_view host :
       {"h", "example.org", "EXAMPLE.org.", "a_b-c.d~e", "127.0.0.1:80", "h:", "h:0", "h:65535", "[::1]",
        "[2001:db8::1]:8080", "[::ffff:1.2.3.4]", ""}) {
    HeadRun run(get("/", host));
    EXPECT_EQ(run.parse_whole(), Outcome::kComplete) << host;
    EXPECT_EQ(run.request().authority, host);
  }
}

TEST(HeadParser, Http10NeedsNoHost) {
  HeadRun run("GET / HTTP/1.0\r\n\r\n");
  ASSERT_EQ(run.parse_whole(), Outcome::kComplete);
  EXPECT_EQ(run.request().authority, "");
  EXPECT_FALSE(run.parser().framing().keep_alive);
}

TEST(HeadParser, ValuesAreTrimmedAndKept) {
  HeadRun run(
      "GET / HTTP/1.1\r\nHost:h\r\nEmpty:\r\nBlank: \t \r\nX: \t a\tb  c \t\r\nObs: \x80\xff\r\n\r\n");
  ASSERT_EQ(run.parse_whole(), Outcome::kComplete) << run.parser().why();
  EXPECT_EQ(run.request().fields.get(KnownName::kHost), "h");
  EXPECT_EQ(run.request().fields.find("Empty")->value, "");
  EXPECT_EQ(run.request().fields.find("Blank")->value, "");
  EXPECT_EQ(run.request().fields.find("X")->value, "a\tb  c");
  EXPECT_EQ(run.request().fields.find("Obs")->value, "\x80\xff");
}

// HAProxy CVE-2021-40346: a length of a name cut to 8 bits made another name of it.
TEST(HeadParser, LongNamesAreNotCut) {
  for (const size_t length : {200UL, 256UL, 270UL, 512UL, 4096UL}) {
    const std::string name = std::string(length, 'a') + "content-length";
    HeadRun run("GET / HTTP/1.1\r\nHost: h\r\n" + name + ": 5\r\n\r\n");
    ASSERT_EQ(run.parse_whole(), Outcome::kComplete);
    EXPECT_EQ(run.request().fields.all()[1].name, name);
    EXPECT_EQ(run.parser().framing().kind, Framing::Kind::kNone);
  }
}

TEST(HeadParser, MoreFieldsThanFitInline) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 90; ++i) head += "Cookie: c" + std::to_string(i) + "\r\n";
  HeadRun run(head + "\r\n");
  ASSERT_EQ(run.parse_octets(), Outcome::kComplete);
  EXPECT_EQ(run.request().fields.size(), 91U);
  EXPECT_EQ(run.request().fields.count(KnownName::kCookie), 90U);
}

// --- framing ----------------------------------------------------------------------------------------------

Framing framing_of(std::string_view version, std::string_view fields) {
  HeadRun run("POST / HTTP/" + std::string(version) + "\r\nHost: h\r\n" + std::string(fields) + "\r\n");
  EXPECT_EQ(run.parse_whole(), Outcome::kComplete) << fields << run.parser().why();
  return run.parser().framing();
}

TEST(Framing, Lengths) {
  EXPECT_EQ(framing_of("1.1", "").kind, Framing::Kind::kNone);
  EXPECT_EQ(framing_of("1.1", "Content-Length: 0\r\n").kind, Framing::Kind::kLength);
  EXPECT_EQ(framing_of("1.1", "content-length:\t5 \r\n").length, 5U);
  EXPECT_EQ(framing_of("1.0", "Content-Length: 0005\r\n").length, 5U);
  EXPECT_EQ(framing_of("1.1", "Content-Length: 9223372036854775807\r\n").length, uint64_t{INT64_MAX});
}

TEST(Framing, Chunked) {
  EXPECT_EQ(framing_of("1.1", "Transfer-Encoding: chunked\r\n").kind, Framing::Kind::kChunked);
  EXPECT_EQ(framing_of("1.2", "transfer-encoding:CHUNKED \r\n").kind, Framing::Kind::kChunked);
}

TEST(Framing, Persistence) {
  EXPECT_TRUE(framing_of("1.1", "").keep_alive);
  EXPECT_FALSE(framing_of("1.1", "Connection: close\r\n").keep_alive);
  EXPECT_FALSE(framing_of("1.1", "Connection: foo, CLOSE\r\n").keep_alive);
  EXPECT_FALSE(framing_of("1.1", "Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_TRUE(framing_of("1.1", "Connection: closed, TE,,\r\n").keep_alive);
  EXPECT_FALSE(framing_of("1.0", "").keep_alive);
  EXPECT_TRUE(framing_of("1.0", "Connection: TE,,Keep-Alive\r\n").keep_alive);
  EXPECT_FALSE(framing_of("1.0", "Connection: keep-alive, close\r\n").keep_alive);
}

TEST(Framing, Upgrade) {
  EXPECT_TRUE(framing_of("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").upgrade);
  EXPECT_FALSE(framing_of("1.1", "Upgrade: websocket\r\n").upgrade);
  EXPECT_FALSE(framing_of("1.1", "Connection: upgrade\r\n").upgrade);
  EXPECT_FALSE(framing_of("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n").upgrade);
}

TEST(Framing, Expect) {
  EXPECT_TRUE(framing_of("1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n").expects_continue);
  EXPECT_TRUE(framing_of("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n").expects_continue);
  EXPECT_FALSE(framing_of("1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n").expects_continue);
  EXPECT_FALSE(framing_of("1.1", "Expect: 100-continue\r\n").expects_continue);
  EXPECT_FALSE(framing_of("1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n").expects_continue);
  EXPECT_FALSE(framing_of("1.0", "Expect: miracles\r\nContent-Length: 5\r\n").expects_continue);
}

}  // namespace
}  // namespace remuda::http::h1
