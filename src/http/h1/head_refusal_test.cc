// SPDX-License-Identifier: Apache-2.0
//
// Every way of sending a head that must not be taken: RFC 9112's MUSTs, the policies chosen where it leaves a
// choice, and what other servers were once deceived by. Each is given whole and octet by octet: the same
// status, and no octet later than the one that is wrong.
#include <gtest/gtest.h>

#include <string>

#include "http/h1/codec_invariants.h"

namespace remuda::http::h1 {
namespace {

using namespace std::string_literals;

// The head must be refused with `status`, at the latest when `seen` octets have been given (0: anywhere).
void refused(const std::string& head, int status, size_t seen = 0, const HeadLimits& limits = {}) {
  HeadRun whole(head, limits);
  EXPECT_EQ(whole.parse_whole(), Outcome::kRefused) << testing::PrintToString(head);
  EXPECT_EQ(whole.parser().status(), status) << testing::PrintToString(head) << whole.parser().why();
  EXPECT_STRNE(whole.parser().why(), "");
  HeadRun octets(head, limits);
  octets.parse_octets();
  EXPECT_EQ(octets.summary(), whole.summary()) << testing::PrintToString(head);
  if (seen != 0) {
    EXPECT_EQ(octets.used(), seen) << testing::PrintToString(head);
  }
}

// `start` alone is refused, by its last octet.
void refused_at_once(const std::string& start, int status = 400, const HeadLimits& limits = {}) {
  refused(start, status, start.size(), limits);
  refused(start + " and more\r\nHost: h\r\n\r\n", status, start.size(), limits);
}

std::string request_line(const std::string& line) { return line + "\r\nHost: h\r\n\r\n"; }
std::string with_fields(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string with_host(const std::string& host) { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"; }

TEST(HeadRefusal, BareCarriageReturn) {
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\r");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nX\r");
  refused_at_once("GET / HTTP/1.1\rH");
  refused_at_once("GET /\r");
  refused_at_once("GET\r");
  refused_at_once("\rG");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\n\rX");  // Node CVE-2025-23167
}

TEST(HeadRefusal, BareLineFeed) {
  refused_at_once("\n");
  refused_at_once("GET / HTTP/1.1\n");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\n");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\n\n");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nX\n");
}

TEST(HeadRefusal, NulAndControls) {
  for (const char control : {'\0', '\x01', '\x08', '\v', '\f', '\x1b', '\x7f'}) {
    refused_at_once("G"s + control);
    refused_at_once("GET /a"s + control);
    refused_at_once("GET / HTTP/1.1"s + control);
    refused_at_once("GET / HTTP/1.1\r\nHo"s + control);
    refused_at_once("GET / HTTP/1.1\r\nHost: h"s + control);
    refused_at_once("GET / HTTP/1.1\r\nHost: h and sixteen more"s + control);
  }
  refused_at_once("\x16");  // TLS sent to a plain port
}

TEST(HeadRefusal, SpaceWhereNoneBelongs) {
  refused_at_once("GET / HTTP/1.1\r\n ");  // before the first field
  refused_at_once("GET / HTTP/1.1\r\n\t");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\n ");  // obs-fold; Node CVE-2024-27982
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\n\t");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nContent-Length ");  // Node CVE-2021-22959, Go CVE-2019-16276
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nContent-Length\t");
  refused_at_once(" ");
  refused_at_once("GET  ");
  refused_at_once("GET\t");
  refused_at_once("GET / HTTP/1.1 ");
  refused_at_once("GET /  ");
  refused_at_once("GET /\t");
  refused_at_once("\r\n\r");  // a second empty line
}

TEST(HeadRefusal, FieldNames) {
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\n:");  // HAProxy CVE-2023-25725
  refused_at_once("GET / HTTP/1.1\r\n:");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nNo ");
  refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nNoColon\r");
  for (const char c :
       {'"', '(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}', '\x80', '\xff'}) {
    refused_at_once("GET / HTTP/1.1\r\nHost: h\r\nX"s + c);
  }
}

TEST(HeadRefusal, RequestLines) {
  refused_at_once("GET /\r");  // HTTP/0.9
  refused_at_once("GET / h");
  refused_at_once("GET / HTTP/1.1 ");
  refused_at_once("GET / HTTP/1.10");
  refused_at_once("GET / HTTP/11");
  refused_at_once("GET / HTTP/1,");
  refused_at_once("GET / HTTP/+");
  refused_at_once("GET / HTTPS");
  refused_at_once("GET / HTTP/1.1\rX");
  refused_at_once("GET /a b");  // nginx CVE-2013-4547
  refused_at_once("G@");
  refused_at_once("GET /\x80");
  refused_at_once("GET /caf\xc3");
  refused_at_once("GET /a#");  // HAProxy CVE-2023-45539
  refused_at_once("GET /?a#");
}

TEST(HeadRefusal, Versions) {
  for (const std::string version : {"HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/0.0", "HTTP/9.9"}) {
    refused("GET / " + version + "\r\n\r\n", 505, ("GET / " + version).size() + 2);
  }
  refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

TEST(HeadRefusal, Targets) {
  for (const std::string target : {"foo",
                                   "foo/bar",
                                   "@host/x",
                                   ":80@x",
                                   "h:80",
                                   "ftp://h/",
                                   "http:/h",
                                   "http//h",
                                   "://h/",
                                   "http://",
                                   "http:///x",
                                   "http://user@h/",
                                   "http://u:p@h/",
                                   "http://h:x/",
                                   "http://h:65536/",
                                   "http://h:-1/",
                                   "http://h,i/",
                                   "http://h%2f/",
                                   "http://[::1/",
                                   "http://[::g]/",
                                   "http://h h/",
                                   "?q",
                                   "*",
                                   "*x",
                                   "javascript:alert(1)",
                                   "unix:/x"}) {
    refused(request_line("GET " + target + " HTTP/1.1"), 400);
  }
  refused(request_line("OPTIONS *x HTTP/1.1"), 400);
  refused(request_line("OPTIONS *?q HTTP/1.1"), 400);
  for (const std::string target :
       {"/", "*", "h", "h:", ":443", "h:x", "h:65536", "http://h:443", "u@h:443", "[::1]"}) {
    refused(request_line("CONNECT " + target + " HTTP/1.1"), 400);
  }
}

TEST(HeadRefusal, Hosts) {
  refused("GET / HTTP/1.1\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nX-Host: h\r\n\r\n", 400);
  refused("GET http://h/ HTTP/1.1\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400);
  refused("GET / HTTP/1.0\r\nHost: h\r\nhOST: i\r\n\r\n", 400);
  refused("GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
  for (const std::string host :
       {"a b",    "a,b",       "h, h",    "a/b",       "u@h",          "h:x",  "h:65536", "h:123456",
        "h:-1",   "h:+1",      "h:80:80", ":80",       "::1",          "[::1", "::1]",    "[]",
        "[::1]x", "[::1]x:80", "[::g]",   "[1.2.3.4]", "[::1%25eth0]", "h?",   "h#",      "h\\",
        "h%41",   "h;",        "h\x80",   "http://h",  "\"h\"",        ".",    ".h"}) {
    refused(with_host(host), 400);
  }
}

TEST(HeadRefusal, ContentLength) {
  for (const std::string value : {"",
                                  "+5",
                                  "-0",
                                  "-5",
                                  "0x5",
                                  "0x0a",
                                  "5_0",
                                  "1_0",
                                  "5 5",
                                  "5, 5",
                                  "5,5",
                                  "5;",
                                  "5.0",
                                  "five",
                                  "\"5\"",
                                  "5\t5",
                                  "9223372036854775808",
                                  "18446744073709551616",
                                  "99999999999999999999",
                                  "00000000000000000005",
                                  "\xd9\xa5"}) {
    refused(with_fields("Content-Length: " + value + "\r\n"), 400);
  }
  refused(with_fields("Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
  refused(with_fields("Content-Length: 5\r\ncontent-length: 6\r\n"), 400);
  refused(with_fields("Content-Length:\r\n"), 400);  // HAProxy CVE-2023-40225
}

TEST(HeadRefusal, TransferEncoding) {
  for (const std::string value :
       {"", ",", "chunked,", ",chunked", "chunked, chunked", "chunked, gzip", "chunked, identity",
        "chunked;a=b", "\"chunked\"", "\tchunked", " \tchunked", "chunked\t", "chunked \t ",
        "chunked chunked", "'chunked';", "gzip,,chunked", "chunked\x80"}) {
    refused(with_fields("Transfer-Encoding: " + value + "\r\n"), 400);
  }
  for (const std::string value : {"xchunked", "chunkedchunked", "identity", "gzip", "gzip, chunked", "foo",
                                  "foo, chunked", "identity, chunked", "chunke", "'chunked'"}) {
    refused(with_fields("Transfer-Encoding: " + value + "\r\n"), 501);
  }
  refused(with_fields("Transfer-Encoding: identity, chunked, identity\r\n"), 400);  // gunicorn CVE-2024-1135
  refused(with_fields("Transfer-Encoding: \vchunked\r\n"), 400);
  refused(with_fields("Transfer-Encoding: \fchunked\r\n"), 400);
  refused(with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
          400);  // Node CVE-2020-8287
  refused(with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  refused(with_fields("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 400);
  refused("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

TEST(HeadRefusal, TransferEncodingBesideContentLength) {
  refused(with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  refused(with_fields("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400);
  refused(with_fields("Transfer-Encoding: identity\r\nContent-Length: 5\r\n"), 400);
}

TEST(HeadRefusal, Expectations) {
  for (const std::string value :
       {"", "y 100-continue", "100-continue, x", "100-continued", "miracles", "\"100-continue\""}) {
    refused(with_fields("Content-Length: 5\r\nExpect: " + value + "\r\n"), 417);
  }
}

// --- limits -----------------------------------------------------------------------------------------------

TEST(HeadLimit, Method) { refused_at_once(std::string(65, 'M'), 501); }

TEST(HeadLimit, RequestLine) {
  const std::string longest(8192 - std::string_view("GET  HTTP/1.1").size() - 1, 'a');
  HeadRun fits("GET /" + longest + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(fits.parse_octets(), Outcome::kComplete) << fits.parser().why();
  refused("GET /" + longest + "a HTTP/1.1\r\nHost: h\r\n\r\n", 414, 8193);
  refused("GET /" + std::string(9000, 'a'), 414, 8193);
  refused("GET /?" + std::string(9000, '?'), 414, 8193);
}

TEST(HeadLimit, EightThousandOctetsAreTaken) {  // RFC 9112 section 3
  HeadRun run("GET /" + std::string(8000 - 14, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(run.parse_whole(), Outcome::kComplete);
}

TEST(HeadLimit, OneField) {
  const HeadLimits limits{.fields = {.line = 20}};
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";
  HeadRun fits(start + "X: " + std::string(17, 'v') + "\r\n\r\n", limits);
  EXPECT_EQ(fits.parse_octets(), Outcome::kComplete) << fits.parser().why();
  refused_at_once(start + "X: " + std::string(18, 'v'), 431, limits);
  refused_at_once(start + std::string(21, 'n'), 431, limits);
  refused_at_once(start + std::string(20, 'n') + ":", 431, limits);
  refused(start + "X: " + std::string(10000, 'v'), 431, start.size() + 21, limits);
}

TEST(HeadLimit, FieldCount) {
  const HeadLimits limits{.fields = {.count = 3}};
  const std::string three = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n";
  HeadRun fits(three + "\r\n", limits);
  EXPECT_EQ(fits.parse_octets(), Outcome::kComplete);
  refused_at_once(three + "C:", 431, limits);
}

TEST(HeadLimit, FieldsTogether) {
  const HeadLimits limits{.fields = {.total = 20}};
  const std::string line = "GET / HTTP/1.1\r\n";
  HeadRun fits(line + "Host: h\r\nA: 34567\r\n\r\n", limits);
  EXPECT_EQ(fits.parse_octets(), Outcome::kRefused);
  EXPECT_EQ(fits.used(), line.size() + 21);
  HeadRun exactly(line + "Host: h\r\nA: 345\r\n\r\n", limits);
  EXPECT_EQ(exactly.parse_octets(), Outcome::kComplete);
  refused(line + "Host: h\r\nA: " + std::string(100, 'a'), 431, line.size() + 21, limits);
}

TEST(HeadLimit, LineLimitMeetsTotalLimit) {
  for (size_t total = 1; total < 40; ++total) {
    for (size_t line = 1; line < 30; ++line) {
      check_head("GET / HTTP/1.1\r\nHost: h\r\nABCDEF: hello hello\r\n\r\n",
                 {.fields = {.total = total, .line = line}});
    }
  }
}

}  // namespace
}  // namespace remuda::http::h1
