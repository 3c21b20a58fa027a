// SPDX-License-Identifier: Apache-2.0
//
// The exchange driver against an application that follows a script: what is sent again and what never is,
// what each failure becomes, interim answers, content from elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/app_handler.h"
#include "gateway/testing/fake_application.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::gateway {
namespace {

using namespace std::string_view_literals;

using http::testing::FakeBody;
using http::testing::FakeExchange;
using Kind = Verdict::Kind;
using Reason = apps::AcquireFailure::Reason;
using gateway::testing::Act;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kHello = "Content-Type: text/plain\n\nhello";
const Act kAnswers = {.output = {kHello}};

Act fails(Kind kind) { return {.verdict = {kind, 502, "it went away"}, .reads_body = false}; }

class AnsweringTest : public ::testing::Test {
 protected:
  AnsweringTest() {
    options_.name = "fake";
    options_.mount = "/app";
    options_.program = "/bin/program";
  }

  int run(FakeExchange& exchange) {
    AppHandler handler(loop_, fake_.application(), options_);
    exchange.run(handler);
    return exchange.response.status;
  }
  int status_of(std::string_view method, std::vector<Act> acts, http::Body* body = nullptr) {
    fake_.acts = std::move(acts);
    fake_.asked.clear();
    FakeExchange exchange(loop_, method, "/app/x");
    exchange.request.body = body;
    const int status = run(exchange);
    trouble_ = exchange.trouble;
    return status;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  gateway::testing::FakeApplication fake_{loop_};
  AppOptions options_;
  std::string trouble_;
};

TEST_F(AnsweringTest, AWholeAnswerGivesItsLeaseBackAtOnce) {
  fake_.acts = {kAnswers};
  FakeExchange exchange(loop_, "GET", "/app/x?y");
  EXPECT_EQ(run(exchange), 200);
  EXPECT_EQ(fake_.leases, 0U);
  EXPECT_EQ(exchange.content(), "hello");
  EXPECT_EQ(fake_.asked[0].target, "/app/x?y");
  EXPECT_TRUE(fake_.asked[0].has("SCRIPT_NAME=/app"));
  EXPECT_TRUE(fake_.asked[0].has("PATH_INFO=/x"));
}

TEST_F(AnsweringTest, AHeadInPieces) {
  fake_.acts = {{.output = {"Content-", "Type: a/b\r", "\n\r", "\nhe", "llo"}}};
  FakeExchange exchange(loop_, "GET", "/app");
  EXPECT_EQ(run(exchange), 200);
  EXPECT_EQ(exchange.content(), "hello");
}

TEST_F(AnsweringTest, WhatHasNotBegunIsSentAgainElsewhere) {
  EXPECT_EQ(status_of("POST", {fails(Kind::kNotBegun), kAnswers}), 200);
  ASSERT_EQ(fake_.asked.size(), 2U);
  EXPECT_THAT(fake_.asked[0].tried, IsEmpty());
  EXPECT_THAT(fake_.asked[1].tried, ElementsAre(1));
}

TEST_F(AnsweringTest, WhoRefusesForTheFirstTimeCostsNoRetry) {
  std::vector<Act> acts(10, fails(Kind::kNotBegun));
  acts.push_back(kAnswers);
  EXPECT_EQ(status_of("POST", acts), 200);
  EXPECT_THAT(fake_.asked[10].tried, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  acts[3].verdict.status = 504;  // no connection in time
  acts[7].verdict.status = 504;
  EXPECT_EQ(status_of("POST", acts), 502);
  EXPECT_EQ(fake_.asked.size(), 8U + 1);
  EXPECT_EQ(status_of("GET", {fails(Kind::kNotBegun)}), 502);  // each is another one: that has an end
  EXPECT_EQ(fake_.asked.size(), 65U + options_.retries);
}

TEST_F(AnsweringTest, WhatMayHaveBegunOnlyIfItIsIdempotent) {
  EXPECT_EQ(status_of("GET", {fails(Kind::kUnknown), kAnswers}), 200);
  EXPECT_EQ(status_of("DELETE", {fails(Kind::kUnknown), kAnswers}), 200);
  EXPECT_EQ(status_of("GET", {fails(Kind::kNotBegun), fails(Kind::kUnknown), kAnswers}), 200);
  EXPECT_EQ(status_of("GET", {fails(Kind::kUnknown), fails(Kind::kUnknown), kAnswers}), 502);
  EXPECT_EQ(fake_.asked.size(), 2U);
  EXPECT_EQ(status_of("POST", {fails(Kind::kUnknown), kAnswers}), 502);
  EXPECT_EQ(status_of("PATCH", {fails(Kind::kUnknown), kAnswers}), 502);
  EXPECT_EQ(fake_.asked.size(), 1U);
  options_.may_have_begun = MayHaveBegun::kIsOver;
  EXPECT_EQ(status_of("GET", {fails(Kind::kUnknown), kAnswers}), 502);
  EXPECT_EQ(status_of("GET", {fails(Kind::kNotBegun), kAnswers}), 200);
}

TEST_F(AnsweringTest, WhatAProcessHasOutlivedIsAskedAgainOnce) {
  options_.may_have_begun = MayHaveBegun::kIsOver;
  fake_.outlived_by = {1, 2};
  EXPECT_EQ(status_of("GET", {fails(Kind::kUnknown), kAnswers}), 200);
  EXPECT_EQ(status_of("GET", {fails(Kind::kUnknown), fails(Kind::kUnknown), kAnswers}), 502);
  EXPECT_EQ(status_of("POST", {fails(Kind::kUnknown), kAnswers}), 502);
  fake_.outlived_by.clear();
  EXPECT_EQ(status_of("GET", {fails(Kind::kUnknown), kAnswers}), 502);
  EXPECT_EQ(fake_.asked.size(), 1U);
}

TEST_F(AnsweringTest, NothingElseIsSentTwice) {
  EXPECT_EQ(status_of("GET", {fails(Kind::kBroken), kAnswers}), 502);
  EXPECT_EQ(trouble_, "it went away");
  EXPECT_EQ(status_of("GET", {fails(Kind::kWhole), kAnswers}), 502);
  EXPECT_EQ(fake_.asked.size(), 1U);
  Act begun = fails(Kind::kUnknown);
  begun.output = {"C"};
  EXPECT_EQ(status_of("GET", {begun, kAnswers}), 502);
  Act hinted = fails(Kind::kNotBegun);
  hinted.output = {"Status: 103\n\n"};
  EXPECT_EQ(status_of("GET", {hinted, kAnswers}), 502);
  Act stopped = fails(Kind::kNotBegun);
  stopped.stopped = ECONNRESET;
  EXPECT_EQ(status_of("GET", {stopped, kAnswers}), 502);
  EXPECT_EQ(fake_.asked.size(), 1U);
  EXPECT_EQ(fake_.leases, 0U);
}

TEST_F(AnsweringTest, NotMoreOftenThanAllowed) {
  options_.retries = 3;
  Act refuses = fails(Kind::kNotBegun);
  refuses.endpoint = 7;
  EXPECT_EQ(status_of("GET", {refuses}), 502);
  EXPECT_EQ(fake_.asked.size(), 4U);
  options_.retries = 0;
  EXPECT_EQ(status_of("GET", {fails(Kind::kNotBegun)}), 502);
  EXPECT_EQ(fake_.asked.size(), 1U);
}

TEST_F(AnsweringTest, AStreamedBodyIsSentAgainOnlyIfNobodyHasReadIt) {
  FakeBody untouched({"body"});
  untouched.known_remaining = 4;
  EXPECT_EQ(status_of("POST", {fails(Kind::kNotBegun), kAnswers}, &untouched), 200);
  EXPECT_EQ(fake_.asked[1].body, "body");
  FakeBody touched({"body"});
  touched.known_remaining = 4;
  Act reads = fails(Kind::kNotBegun);
  reads.reads_body = true;
  EXPECT_EQ(status_of("POST", {reads, kAnswers}, &touched), 502);
  EXPECT_EQ(fake_.asked.size(), 1U);
}

TEST_F(AnsweringTest, ABodyThatWasTakenInIsSentAgainWhole) {
  options_.request_buffering = RequestBuffering::kAlways;
  for (const uint64_t in_memory : {1'000'000U, 3U, 0U}) {
    options_.spool_above = in_memory;
    FakeBody body({"a long ", "body"});
    body.known_remaining = 11;
    Act reads = fails(Kind::kNotBegun);
    reads.reads_body = true;
    EXPECT_EQ(status_of("POST", {reads, reads, kAnswers}, &body), 200);
    ASSERT_EQ(fake_.asked.size(), 3U);
    for (const auto& asked : fake_.asked) EXPECT_EQ(asked.body, "a long body");
    EXPECT_TRUE(fake_.asked[2].has("CONTENT_LENGTH=11"));
  }
}

TEST_F(AnsweringTest, ABodyThatBreaksOffNeverTakesALease) {
  options_.request_buffering = RequestBuffering::kAlways;
  FakeBody body({"half"});
  body.known_remaining = 8;
  body.error = ECONNRESET;
  EXPECT_EQ(status_of("POST", {kAnswers}, &body), 400);
  EXPECT_EQ(fake_.asked.size(), 0U);
}

TEST_F(AnsweringTest, NoLease) {
  const struct {
    Reason reason;
    int status;
    const char* trouble;
    bool comes_again;
  } cases[] = {
      {Reason::kQueueFull, 503, "wait for the application already", true},
      {Reason::kQueueTimeout, 503, "queue time", true},
      {Reason::kHopeless, 503, "would be longer", true},
      {Reason::kNotStarting, 503, "does not start: exited with status 3", true},
      {Reason::kAllDown, 503, "none of the application's peers", true},
      {Reason::kUnavailable, 503, "could not be started", true},
      {Reason::kCancelled, 503, "left the queue", false},
      {Reason::kTooLarge, 431, "more than a program", false},
  };
  for (const auto& each : cases) {
    Act act{.acquires = false};
    act.failure.reason = each.reason;
    act.failure.retry_after = std::chrono::seconds(7);
    act.failure.details = "the journey\n";
    if (each.reason == Reason::kNotStarting) act.failure.trouble = "exited with status 3";
    fake_.acts = {act};
    FakeExchange exchange(loop_, "GET", "/app");
    EXPECT_EQ(run(exchange), each.status);
    EXPECT_THAT(exchange.trouble, HasSubstr(each.trouble));
    EXPECT_EQ(exchange.field("Retry-After"), each.comes_again ? "7" : "") << each.trouble;
    EXPECT_EQ(exchange.details, "the journey\n");
  }
}

TEST_F(AnsweringTest, HintsArePassedOn) {
  fake_.acts = {{.output = {"Status: 103 Early Hints\nLink: </a.css>\n\nStatus: 1",
                            "02\n\nContent-Type: text/plain\n\nhello"}}};
  FakeExchange exchange(loop_, "GET", "/app");
  EXPECT_EQ(run(exchange), 200);
  ASSERT_EQ(exchange.informed.size(), 2U);
  EXPECT_EQ(exchange.informed[0].status, 103);
  ASSERT_EQ(exchange.informed[0].fields.size(), 1U);
  EXPECT_EQ(exchange.informed[0].fields[0].second, "</a.css>");
  EXPECT_EQ(exchange.informed[1].status, 102);
  EXPECT_EQ(exchange.field("Link"), "");
  EXPECT_EQ(exchange.content(), "hello");
}

// Whoever let it wait in vain would do so again.
TEST_F(AnsweringTest, AfterATimeoutOnlySomebodyElseIsAsked) {
  for (const Kind kind : {Kind::kUnknown, Kind::kNotBegun}) {
    const Act hangs{.verdict = {kind, 504, "nothing came"}};
    fake_.endpoints = 1;
    EXPECT_EQ(status_of("GET", {hangs, kAnswers}), 504);
    EXPECT_EQ(fake_.asked.size(), 1U);
    fake_.endpoints = 2;
    EXPECT_EQ(status_of("GET", {hangs, kAnswers}), 200);
    EXPECT_EQ(status_of("GET", {hangs, hangs, kAnswers}), 504);
    EXPECT_EQ(fake_.asked.size(), 2U);
  }
}

TEST_F(AnsweringTest, HintsThatCannotBeSentAreToldInTheLog) {
  fake_.acts = {{.output = {"Status: 103\n\n" + kHello}}};
  for (const int error : {EMSGSIZE, EPIPE}) {
    FakeExchange exchange(loop_, "GET", "/app");
    exchange.inform_error = error;
    EXPECT_EQ(run(exchange), 200);
    EXPECT_EQ(exchange.trouble, error == EPIPE ? "" : "an interim answer was dropped: too much of it");
  }
}

TEST_F(AnsweringTest, EndlessHintsAreNoAnswer) {
  std::string hints;
  for (int i = 0; i < 20; ++i) hints += "Status: 103\n\n";
  EXPECT_EQ(status_of("GET", {{.output = {hints + kHello}}}), 502);
  EXPECT_EQ(trouble_, "too many interim answers");
  EXPECT_EQ(status_of("GET", {{.output = {"Status: 101\n\n"}}}), 502);
}

TEST_F(AnsweringTest, ContentFromElsewhere) {
  fake_.acts = {{.output = {"X-Accel-Redirect: /secret/a%20b?c\nSet-Cookie: d=e\nX-Accel-Buffering: no\n"
                            "Content-Type: a/b\n\nnot this"}}};
  FakeExchange exchange(loop_, "GET", "/app");
  run(exchange);
  EXPECT_EQ(exchange.response.internal_redirect, "/secret/a%20b?c");
  EXPECT_EQ(exchange.response.redirect_fields, http::RedirectFields::kKeep);
  EXPECT_EQ(exchange.response.fields.size(), 2U);
  EXPECT_EQ(fake_.leases, 0U);
  fake_.acts = {{.output = {"x-sendfile: /srv/a b\n\n"}}};
  FakeExchange file(loop_, "GET", "/app");
  run(file);
  EXPECT_EQ(file.response.file, "/srv/a b");
  for (const char* wrong : {"X-Accel-Redirect: a\n\n", "X-Sendfile: a\n\n", "X-Sendfile:\n\n",
                            "X-Sendfile: /a\nX-Accel-Redirect: /b\n\n"})
    EXPECT_EQ(status_of("GET", {{.output = {wrong}}}), 502) << wrong;
}

TEST_F(AnsweringTest, AnAnswerThatBreaksOff) {
  const Act broken{.output = {kHello}, .verdict = {Kind::kBroken, 502, "closed early"}};
  EXPECT_EQ(status_of("GET", {broken}), 502);
  Act length{.output = {"Content-Type: a/b\nContent-Length: 9\n\nhello"}};
  EXPECT_EQ(status_of("GET", {length}), 502);
  fake_.acts = {{.output = {"Content-Type: a/b\n\n" + std::string(20'000, 'x')},
                 .verdict = {Kind::kBroken, 502, "closed early"}}};
  FakeExchange exchange(loop_, "GET", "/app");
  EXPECT_EQ(run(exchange), 200);
  exchange.content();
  EXPECT_EQ(exchange.error, EIO);
  EXPECT_EQ(exchange.trouble, "closed early");
}

TEST_F(AnsweringTest, WhatHasNoContentEndsWithItsHead) {
  const struct {
    std::string_view method;
    int status;
    std::string output;
    std::optional<uint64_t> length;
    bool ends;
  } cases[] = {
      {"HEAD", 200, "Content-Type: a/b\nContent-Length: 9\n\n", 9, false},
      {"HEAD", 200, "Content-Type: a/b\nContent-Length: 9\n\nhel", 9, true},
      {"HEAD", 200, "Content-Type: a/b\n\nhello", 5, true},
      {"HEAD", 200, "Content-Type: a/b\n\nhello", {}, false},
      {"HEAD", 404, "Status: 404\nContent-Type: a/b\n\n", {}, true},
      {"GET", 304, "Status: 304\nContent-Length: 9\n\n", 9, true},
      {"GET", 304, "Status: 304\nContent-Length: 9\n\n", 9, false},
      {"GET", 304, "Status: 304\n\n", {}, false},
      {"PUT", 204, "Status: 204\nContent-Length: 9\n\n", 9, true},
      {"HEAD", 204, "Status: 204\n\n", {}, false},
  };
  for (const auto& each : cases) {
    fake_.let_finish = 0;
    fake_.acts = {{.output = {each.output}, .error = each.ends ? 0 : ETIMEDOUT}};
    FakeExchange exchange(loop_, each.method, "/app");
    EXPECT_EQ(run(exchange), each.status) << each.output;
    EXPECT_EQ(exchange.trouble, "");
    EXPECT_EQ(exchange.response.length, each.length) << each.output;
    EXPECT_TRUE(std::holds_alternative<http::StreamContent>(exchange.response.content)) << "it is an answer";
    exchange.end();
    EXPECT_EQ(fake_.let_finish, 1U);
    EXPECT_EQ(fake_.leases, 0U);
  }
}

TEST_F(AnsweringTest, NothingIsTheWholeOfAnswersOfLengthZero) {
  fake_.acts = {{.output = {"Content-Type: a/b\nContent-Length: 0\n\n"}, .error = EIO}};
  FakeExchange exchange(loop_, "GET", "/app");
  EXPECT_EQ(run(exchange), 200);
  EXPECT_TRUE(std::holds_alternative<http::MemoryContent>(exchange.response.content));
  EXPECT_EQ(fake_.let_finish, 1U);
}

TEST_F(AnsweringTest, AShortAnswerBeforeTheRequestIsReadTakesNothingOfItAway) {
  FakeBody body({"the ", "body"});
  body.known_remaining = 8;
  fake_.acts = {{.output = {"Content-Type: a/b\nContent-Length: 2\n\nok"}, .error = ETIMEDOUT}};
  fake_.acts[0].reads_body_last = true;
  FakeExchange exchange(loop_, "PUT", "/app");
  exchange.request.body = &body;
  EXPECT_EQ(run(exchange), 200);
  EXPECT_EQ(exchange.response.length, 2U);
  EXPECT_EQ(exchange.content(), "ok");
  EXPECT_EQ(fake_.asked[0].body, "the body");
}

TEST_F(AnsweringTest, WhoAnswersFirstIsGivenTheRestOfTheRequest) {
  FakeBody body({"the ", "body"});
  body.known_remaining = 8;
  fake_.acts = {{.output = {"Status: 204\n\n"}, .error = ETIMEDOUT, .reads_body_last = true}};
  FakeExchange exchange(loop_, "PUT", "/app");
  exchange.request.body = &body;
  EXPECT_EQ(run(exchange), 204);
  EXPECT_EQ(fake_.asked[0].body, "");
  exchange.end();
  EXPECT_EQ(fake_.asked[0].body, "the body");
  EXPECT_EQ(fake_.let_finish, 1U);
}

TEST_F(AnsweringTest, WhatARequestGoesBy) {
  fake_.acts = {kAnswers};
  const auto key = [&] {
    fake_.asked.clear();
    FakeExchange exchange(loop_, "GET", "/app/x?y");
    exchange.request.fields.add("Cookie", "id=1; session=abc");
    exchange.request.fields.add("Cookie", "session=later");
    run(exchange);
    return fake_.asked[0].key;
  };
  EXPECT_EQ(key(), "");
  options_.key_by = KeyBy::kPath;
  EXPECT_EQ(key(), "/app/x");
  options_.key_by = KeyBy::kCookie;
  options_.key_cookie = "session";
  EXPECT_EQ(key(), "abc");
  options_.key_cookie = "sess";
  EXPECT_EQ(key(), "");
  options_.sticky_cookie = "id";
  EXPECT_EQ(key(), "1");
  options_.sticky_cookie = "none";
  options_.key_by = KeyBy::kPath;
  EXPECT_EQ(key(), "/app/x") << "of a request without the cookie";
}

TEST_F(AnsweringTest, WhatIsConfiguredAndWhatAuthorizersSaid) {
  fake_.acts = {kAnswers};
  options_.variables = {{"SERVER_NAME", "no"}, {"STAGE", "test"}, {"REMOTE_USER", "nobody"}};
  FakeExchange exchange(loop_, "GET", "/app");
  exchange.variables = "REMOTE_USER=ann\0HTTP_X_ROLE=admin\0REQUEST_METHOD=PUT\0"sv;
  exchange.request.fields.add("X-Role", "root");
  exchange.request.fields.add("X-Other", "1");
  run(exchange);
  const auto& asked = fake_.asked[0];
  EXPECT_TRUE(asked.has("REMOTE_USER=ann"));
  EXPECT_FALSE(asked.has("REMOTE_USER=nobody"));
  EXPECT_TRUE(asked.has("HTTP_X_ROLE=admin"));
  EXPECT_FALSE(asked.has("HTTP_X_ROLE=root"));
  EXPECT_TRUE(asked.has("HTTP_X_OTHER=1"));
  EXPECT_TRUE(asked.has("STAGE=test"));
  EXPECT_TRUE(asked.has("REQUEST_METHOD=GET"));
  EXPECT_FALSE(asked.has("REQUEST_METHOD=PUT"));
  EXPECT_FALSE(asked.has("SERVER_NAME=no"));
}

}  // namespace
}  // namespace remuda::gateway
