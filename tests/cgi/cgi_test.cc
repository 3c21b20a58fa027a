// SPDX-License-Identifier: Apache-2.0
//
// RFC 3875 from end to end: what a program is told, what it may answer.
#include <gmock/gmock.h>

#include "tests/cgi/cgi_fixture.h"

namespace remuda::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(CgiTest, ADocumentThatIsShortGoesOutWhole) {
  shell("hello", "echo Content-Type: text/plain; echo; echo hello\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/hello");
  exchange.run(*handler_);
  EXPECT_EQ(exchange.response.status, 200);
  EXPECT_EQ(exchange.field("Content-Type"), "text/plain");
  EXPECT_TRUE(std::holds_alternative<http::MemoryContent>(exchange.response.content));
  EXPECT_EQ(exchange.content(), "hello\n");
  EXPECT_EQ(exchange.handled_by, "app cgi");
  exchange.end();
  settle();
  ASSERT_EQ(log_.journeys.size(), 1U);
  EXPECT_EQ(log_.troubles[0], "");
  EXPECT_TRUE(log_.journeys[0].ending.success());
  EXPECT_GE(log_.journeys[0].started, log_.journeys[0].received);
}

TEST_F(CgiTest, MetaVariables) {
  shell("sub/env", "echo Content-Type: text/plain; echo; pwd; env | sort\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/sub/env/a%20b/c?x=%20&-s");
  exchange.request.authority = "www.example.test:8080";
  exchange.request.fields.add("User-Agent", "test");
  exchange.request.fields.add("Cookie", "a=1");
  exchange.request.fields.add("Cookie", "b=2");
  exchange.request.fields.add("X-Twice", "1");
  exchange.request.fields.add("x-twice", "2");
  exchange.request.fields.add("X_Under", "no");
  exchange.request.fields.add("X.Dot", "no");
  exchange.request.fields.add("Proxy", "http://evil");
  exchange.request.fields.add("Authorization", "Basic no");
  exchange.request.fields.add("Connection", "x-hop, Host");
  exchange.request.fields.add("X-Hop", "no");
  exchange.request.fields.add("Host", "www.example.test:8080");
  const std::string text = answer(exchange).content;
  const std::string root = directory_.string();
  for (const std::string& line : {root + "/sub",
                                  "CONFIGURED=yes"s,
                                  "GATEWAY_INTERFACE=CGI/1.1"s,
                                  "SERVER_NAME=www.example.test"s,
                                  "SERVER_PROTOCOL=HTTP/1.1"s,
                                  "REQUEST_METHOD=GET"s,
                                  "SCRIPT_NAME=/cgi-bin/sub/env"s,
                                  "PATH_INFO=/a b/c"s,
                                  "PATH_TRANSLATED=" + root + "/a b/c",
                                  "SCRIPT_FILENAME=" + root + "/sub/env",
                                  "DOCUMENT_ROOT=" + root,
                                  "QUERY_STRING=x=%20&-s"s,
                                  "REQUEST_URI=/cgi-bin/sub/env/a%20b/c?x=%20&-s"s,
                                  "REMOTE_ADDR=127.0.0.1"s,
                                  "REDIRECT_STATUS=200"s,
                                  "REQUEST_SCHEME=http"s,
                                  "HTTP_USER_AGENT=test"s,
                                  "HTTP_COOKIE=a=1; b=2"s,
                                  "HTTP_X_TWICE=1, 2"s,
                                  "HTTP_HOST=www.example.test:8080"s}) {
    EXPECT_THAT(text, HasSubstr(line + "\n"));
  }
  EXPECT_THAT(text, HasSubstr("\nPATH=/"));
  EXPECT_THAT(text, HasSubstr("\nSERVER_PORT="));
  for (const char* absent :
       {"UNDER", "DOT", "HTTP_PROXY", "AUTHORIZATION", "X_HOP", "HTTP_CONNECTION", "CONTENT_LENGTH",
        "CONTENT_TYPE", "HTTPS", "LD_", "LISTEN_FDS", "REMOTE_USER", "=never"}) {
    EXPECT_THAT(text, Not(HasSubstr(absent)));
  }
}

TEST_F(CgiTest, NoArgumentsEverComeFromTheQuery) {
  shell("args", "echo Content-Type: text/plain; echo; echo \"$#\"\n");
  EXPECT_EQ(get("/cgi-bin/args?-s").content, "0\n");
  EXPECT_EQ(get("/cgi-bin/args?a+b+c").content, "0\n");
}

TEST_F(CgiTest, ServerNameIsNeverEmpty) {
  shell("name", "echo Content-Type: text/plain; echo; echo \"$SERVER_NAME\"\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/name");
  exchange.request.authority = "";
  EXPECT_EQ(answer(exchange).content, "localhost\n");
}

TEST_F(CgiTest, AFixedProgramAnswersEverythingBelowItsMount) {
  const std::string path =
      shell("program", "echo Content-Type: text/plain; echo; echo \"$SCRIPT_NAME|$PATH_INFO\"\n");
  stop_spawner();
  spawner_options_.apps[0].program = path;
  start_spawner();
  options_.program = path;
  options_.root = "";
  options_.mount = "/git";
  configure();
  EXPECT_EQ(get("/git/a.git/info/refs").content, "/git|/a.git/info/refs\n");
  EXPECT_EQ(get("/git").content, "/git|\n");
  EXPECT_EQ(get("/gitter").status, 404);
}

TEST_F(CgiTest, ABodyOfKnownLengthIsStreamed) {
  shell("cat", "echo Content-Type: text/plain; echo; echo $CONTENT_LENGTH $CONTENT_TYPE; cat\n");
  FakeExchange exchange(*loop_, "POST", "/cgi-bin/cat");
  FakeBody body({"hello ", std::string(200'000, 'x'), " end"});
  body.known_remaining = 200'010;
  exchange.request.body = &body;
  exchange.request.fields.add("Content-Type", "text/x-test");
  EXPECT_EQ(answer(exchange).content, "200010 text/x-test\nhello " + std::string(200'000, 'x') + " end");
}

TEST_F(CgiTest, ABodyOfUnknownLengthIsSpooled) {
  shell("cat", "echo Content-Type: text/plain; echo; echo $CONTENT_LENGTH; cat\n");
  for (const uint64_t bound : {1'000'000U, 1000U}) {
    options_.spool_above = bound;
    options_.spool_directory = directory_.string();
    configure();
    FakeExchange exchange(*loop_, "POST", "/cgi-bin/cat");
    FakeBody body({"hello ", std::string(200'000, 'x'), " end"});
    exchange.request.body = &body;
    EXPECT_EQ(answer(exchange).content, "200010\nhello " + std::string(200'000, 'x') + " end");
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);  // only the script
}

TEST_F(CgiTest, ABodyBeyondTheLimitIsRefused) {
  shell("cat", "cat\n");
  options_.body_limit = 10;
  configure();
  FakeBody known({"0123456789a"});
  known.known_remaining = 11;
  FakeExchange first(*loop_, "POST", "/cgi-bin/cat");
  first.request.body = &known;
  EXPECT_EQ(answer(first).status, 413);
  FakeBody unknown({"0123456789a"});
  FakeExchange second(*loop_, "POST", "/cgi-bin/cat");
  second.request.body = &unknown;
  EXPECT_EQ(answer(second).status, 413);
}

TEST_F(CgiTest, LongOutputIsStreamed) {
  shell("long", "echo Content-Type: text/plain; echo; head -c 3000000 /dev/zero\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/long");
  exchange.run(*handler_);
  EXPECT_TRUE(std::holds_alternative<http::StreamContent>(exchange.response.content));
  EXPECT_EQ(exchange.content().size(), 3'000'000U);
  EXPECT_EQ(exchange.error, 0);
}

TEST_F(CgiTest, SlowOutputIsStreamedAsItIsProduced) {
  shell("slow", "echo Content-Type: text/plain; echo; echo one; sleep 0.2; echo two\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/slow");
  const auto began = loop::Clock::now();
  exchange.run(*handler_);
  EXPECT_LT(loop::Clock::now() - began, 150ms);
  const auto* const stream = std::get_if<http::StreamContent>(&exchange.response.content);
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(stream->body->ready(), 4U);
  EXPECT_EQ(exchange.content(), "one\ntwo\n");
}

TEST_F(CgiTest, InputAndOutputAtOnceDoNotDeadLock) {
  shell("cat", "echo Content-Type: text/plain; echo; exec cat\n");
  FakeExchange exchange(*loop_, "POST", "/cgi-bin/cat");
  std::vector<std::string> pieces(100, std::string(30'000, 'y'));
  FakeBody body(pieces);
  body.known_remaining = 3'000'000;
  exchange.request.body = &body;
  EXPECT_EQ(answer(exchange).content.size(), 3'000'000U);
}

TEST_F(CgiTest, AProgramNeedNotReadItsInput) {
  shell("deaf", "echo Content-Type: text/plain; echo; echo done\n");
  FakeExchange exchange(*loop_, "POST", "/cgi-bin/deaf");
  std::vector<std::string> pieces(100, std::string(30'000, 'y'));
  FakeBody body(pieces);
  body.known_remaining = 3'000'000;
  exchange.request.body = &body;
  EXPECT_EQ(answer(exchange).content, "done\n");
}

TEST_F(CgiTest, StatusAndReason) {
  shell("teapot",
        "echo 'Status: 418 Short and stout'; echo X-CGI-Secret: 1; echo Connection: close; echo X-Real: 2; "
        "echo\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/teapot");
  exchange.run(*handler_);
  EXPECT_EQ(exchange.response.status, 418);
  EXPECT_EQ(exchange.response.reason, "Short and stout");
  EXPECT_EQ(exchange.field("X-Real"), "2");
  EXPECT_EQ(exchange.field("X-CGI-Secret"), "");
  EXPECT_EQ(exchange.field("Connection"), "");
  EXPECT_EQ(exchange.field("Status"), "");
}

TEST_F(CgiTest, Redirects) {
  shell("local", "echo Location: /other?x=1; echo\n");
  shell("client", "echo Location: https://example.org/#top; echo\n");
  shell("elsewhere", "echo Location: //example.org/; echo\n");
  shell("document",
        "echo 'Status: 301 Moved'; echo Location: /other; echo Content-Type: text/plain; echo; echo moved\n");
  FakeExchange local(*loop_, "POST", "/cgi-bin/local");
  local.run(*handler_);
  EXPECT_EQ(local.response.internal_redirect, "/other?x=1");
  FakeExchange client(*loop_, "GET", "/cgi-bin/client");
  client.run(*handler_);
  EXPECT_EQ(client.response.status, 302);
  EXPECT_EQ(client.field("Location"), "https://example.org/#top");
  FakeExchange elsewhere(*loop_, "GET", "/cgi-bin/elsewhere");
  elsewhere.run(*handler_);
  EXPECT_EQ(elsewhere.response.internal_redirect, "");
  EXPECT_EQ(elsewhere.response.status, 302);
  FakeExchange document(*loop_, "GET", "/cgi-bin/document");
  document.run(*handler_);
  EXPECT_EQ(document.response.status, 301);
  EXPECT_EQ(document.field("Location"), "/other");
  EXPECT_EQ(document.content(), "moved\n");
}

TEST_F(CgiTest, ContentLengthIsKept) {
  shell("exact", "echo Content-Length: 5; echo Content-Type: text/plain; echo; printf hello\n");
  shell("more", "echo Content-Length: 3; echo Content-Type: text/plain; echo; printf hello\n");
  shell("less", "echo Content-Length: 9; echo Content-Type: text/plain; echo; printf hello\n");
  shell("less_later",
        "echo Content-Length: 9; echo Content-Type: text/plain; echo; printf hello; sleep 0.1\n");
  EXPECT_EQ(get("/cgi-bin/exact").content, "hello");
  EXPECT_EQ(get("/cgi-bin/more").content, "hel");
  EXPECT_EQ(get("/cgi-bin/less").status, 502);
  const Answer later = get("/cgi-bin/less_later");
  EXPECT_EQ(later.status, 200);
  EXPECT_EQ(later.error, EIO);
  EXPECT_THAT(later.trouble, HasSubstr("less than its Content-Length"));
}

TEST_F(CgiTest, HeadLetsTheProgramFinish) {
  shell("head", "echo Content-Type: text/plain; echo; echo hello; touch finished\n");
  FakeExchange exchange(*loop_, "HEAD", "/cgi-bin/head");
  exchange.run(*handler_);
  EXPECT_EQ(exchange.response.status, 200);
  exchange.content();
  exchange.end();
  settle();
  EXPECT_TRUE(std::filesystem::exists(directory_ / "finished"));
}

TEST_F(CgiTest, NonParsedHeaders) {
  shell("nph-raw", "printf 'HTTP/1.0 299 Mine\\r\\n\\r\\nraw'\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/nph-raw");
  exchange.run(*handler_);
  EXPECT_TRUE(exchange.response.raw);
  EXPECT_EQ(exchange.content(), "HTTP/1.0 299 Mine\r\n\r\nraw");
  exchange.end();
  settle();
  options_.non_parsed_headers = gateway::NonParsedHeaders::kRefuse;
  configure();
  EXPECT_EQ(get("/cgi-bin/nph-raw").status, 403);
}

TEST_F(CgiTest, AuthorizationWhenConfigured) {
  shell("auth", "echo Content-Type: text/plain; echo; echo $HTTP_AUTHORIZATION\n");
  options_.authorization = gateway::Authorization::kPass;
  configure();
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/auth");
  exchange.request.fields.add("Authorization", "Basic yes");
  EXPECT_EQ(answer(exchange).content, "Basic yes\n");
}

TEST_F(CgiTest, EncodedSlashes) {
  shell("path", "echo Content-Type: text/plain; echo; echo $PATH_INFO\n");
  EXPECT_EQ(get("/cgi-bin/path/a%2Fb").status, 404);
  EXPECT_EQ(get("/cgi-bin/path/a%00b").status, 400);
  options_.encoded_slash = gateway::EncodedSlash::kAllow;
  configure();
  EXPECT_EQ(get("/cgi-bin/path/a%2Fb").content, "/a/b\n");
}

TEST_F(CgiTest, PathInfoMayHoldNewlines) {
  shell("path", "echo Content-Type: text/plain; echo; printf %s \"$PATH_INFO\"\n");
  EXPECT_EQ(get("/cgi-bin/path/a%0Ab").content, "/a\nb");
}

TEST_F(CgiTest, ALookupOnAnotherThreadIsTheSame) {
  loop::Offload threads(1, 16);
  shell("hello", "echo Content-Type: text/plain; echo; echo hello\n");
  gateway::AppHandler handler(*loop_, {*source_, *wire_, threads}, options_);
  for (int i = 0; i < 3; ++i) {
    FakeExchange exchange(*loop_, "GET", "/cgi-bin/hello/info");
    exchange.run(handler);
    EXPECT_EQ(exchange.content(), "hello\n");
  }
  settle();
}

}  // namespace
}  // namespace remuda::testing
