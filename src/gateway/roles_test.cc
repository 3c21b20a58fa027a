// SPDX-License-Identifier: Apache-2.0
//
// Authorizers and filters: nothing but a 200 allows, and nothing of the unfiltered file reaches the client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/app_handler.h"
#include "gateway/authorizer.h"
#include "gateway/filter.h"
#include "gateway/testing/fake_application.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::gateway {
namespace {

using gateway::testing::Act;
using gateway::testing::FakeApplication;
using gateway::testing::FunctionHandler;
using http::KnownName;
using http::testing::FakeBody;
using http::testing::FakeExchange;
using Role = Question::Role;

class RolesTest : public ::testing::Test {
 protected:
  RolesTest() {
    options_.name = "guard";
    options_.program = "/bin/guard";
  }

  int ask(FakeExchange& exchange, std::vector<Act> acts) {
    fake_.acts = std::move(acts);
    fake_.asked.clear();
    guarded_ = 0;
    Authorizer handler(fake_.application(), options_,
                       std::make_unique<FunctionHandler>([this](http::Exchange& its) {
                         ++guarded_;
                         variables_ = its.variables;
                         its.response.status = 200;
                         its.response.content = http::MemoryContent{"guarded"};
                       }));
    exchange.run(handler);
    return exchange.response.status;
  }
  int ask(std::vector<Act> acts) {
    FakeExchange exchange(loop_, "GET", "/x/y");
    return ask(exchange, std::move(acts));
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  FakeApplication fake_{loop_};
  AppOptions options_;
  int guarded_ = 0;
  std::string variables_;
};

// Whose roots it has to lie below, whatever the guarded application may name.
TEST_F(RolesTest, AFileThatARefusalNamesIsTheAuthorizers) {
  FakeExchange exchange(loop_, "GET", "/x/y");
  ask(exchange, {{.output = {"Status: 403\nX-Sendfile: /srv/no.html\n\n"}}});
  EXPECT_EQ(guarded_, 0);
  EXPECT_EQ(exchange.response.file, "/srv/no.html");
  EXPECT_EQ(exchange.response.file_of, "guard");
}

TEST_F(RolesTest, TwoHundredAllowsAndItsVariablesFollow) {
  FakeExchange exchange(loop_, "POST", "/x/y");
  FakeBody body({"body"});
  body.known_remaining = 4;
  exchange.request.body = &body;
  exchange.request.fields.add("Content-Type", "text/plain");
  EXPECT_EQ(ask(exchange, {{.output = {"Status: 200 OK\nVariable-REMOTE_USER: ann\nvariable-bad-name: 1\n"
                                       "Variable-1: 2\nSet-Cookie: no=1\n\ncontent"}}}),
            200);
  EXPECT_EQ(guarded_, 1);
  EXPECT_EQ(exchange.content(), "guarded");
  EXPECT_EQ(exchange.field("Set-Cookie"), "");
  EXPECT_EQ(variables_, std::string("REMOTE_USER=ann\0", 16));
  EXPECT_EQ(fake_.leases, 0U);
  const auto& asked = fake_.asked[0];
  EXPECT_EQ(asked.role, Role::kAuthorizer);
  EXPECT_EQ(asked.body, "");
  EXPECT_EQ(body.remaining(), 4U);
  for (const char* name : {"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"})
    EXPECT_FALSE(asked.names(name)) << name;
  EXPECT_TRUE(asked.has("SCRIPT_FILENAME=/bin/guard"));
  EXPECT_TRUE(asked.has("REQUEST_URI=/x/y"));
}

TEST_F(RolesTest, AnyOtherStatusIsTheAnswer) {
  FakeExchange exchange(loop_, "GET", "/x");
  EXPECT_EQ(ask(exchange, {{.output = {"Status: 401\nWWW-Authenticate: Basic\nVariable-X: 1\n"
                                       "Content-Type: text/plain\n\nwho are you?"}}}),
            401);
  EXPECT_EQ(guarded_, 0);
  EXPECT_EQ(exchange.content(), "who are you?");
  EXPECT_EQ(exchange.field("WWW-Authenticate"), "Basic");
  EXPECT_EQ(exchange.field("Variable-X"), "");
  EXPECT_EQ(ask({{.output = {"Location: https://login.example/\n\n"}}}), 302);
  EXPECT_EQ(ask({{.output = {"Status: 204\n\n"}}}), 204);
  EXPECT_EQ(guarded_, 0);
}

TEST_F(RolesTest, NoFailureEverAllows) {
  const Act acts[] = {
      {},
      {.output = {"rubbish\n\n"}},
      {.output = {"Status: 200\n"}},
      {.output = {"Status: 200\nVariable-X: "}, .verdict = {Verdict::Kind::kBroken, 504, "too late"}},
      {.verdict = {Verdict::Kind::kBroken, 504, "too late"}},
      {.verdict = {Verdict::Kind::kNotBegun, 502, "refused"}, .endpoint = 1},
      {.acquires = false},
      {.output = {"X-Accel-Redirect: /inside\n\n"}},
      {.output = {"Location: /inside\n\n"}},
  };
  for (const Act& act : acts) {
    FakeExchange exchange(loop_, "GET", "/x");
    const int status = ask(exchange, {act});
    EXPECT_EQ(guarded_, 0);
    EXPECT_TRUE(status >= 500 || !exchange.response.internal_redirect.empty()) << status;
  }
}

TEST_F(RolesTest, AnInnerApplicationIsToldTheVariables) {
  FakeApplication inner(loop_);
  inner.acts = {{.output = {"Content-Type: a/b\n\nhi"}}};
  fake_.acts = {{.output = {"Status: 200\nVariable-AUTH_TYPE: Basic\n\n"}}};
  AppOptions options;
  options.program = "/bin/app";
  Authorizer handler(fake_.application(), options_,
                     std::make_unique<AppHandler>(loop_, inner.application(), options));
  FakeExchange exchange(loop_, "GET", "/x");
  exchange.run(handler);
  EXPECT_EQ(exchange.content(), "hi");
  EXPECT_TRUE(inner.asked[0].has("AUTH_TYPE=Basic"));
}

// --- filters -----------------------------------------------------------------------------------------------

class CountedHolder final : public http::Holder {
 public:
  void hold() override { ++holds; }
  void release() override { --holds; }
  int holds = 1;
};

class FilterTest : public RolesTest {
 protected:
  void serve(http::Exchange& exchange) {
    conditions_ = exchange.request.fields.has(KnownName::kRange) ||
                  exchange.request.fields.has(KnownName::kIfNoneMatch) ||
                  exchange.request.fields.has(KnownName::kAcceptEncoding);
    exchange.response.status = status_;
    exchange.response.prepared_fields =
        "Content-Type: text/markdown\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"1\"\r\n"
        "Accept-Ranges: bytes\r\n";
    exchange.response.content = http::MemoryContent{"# source"};
    exchange.response.holder = &holder_;
  }
  int filter(FakeExchange& exchange, std::vector<Act> acts) {
    fake_.acts = std::move(acts);
    fake_.asked.clear();
    Filter handler(fake_.application(), options_, "/srv/www",
                   std::make_unique<FunctionHandler>([this](http::Exchange& its) { serve(its); }));
    exchange.run(handler);
    return exchange.response.status;
  }

  CountedHolder holder_;
  int status_ = 200;
  bool conditions_ = false;
};

TEST_F(FilterTest, TheFileGoesThroughTheApplication) {
  FakeExchange exchange(loop_, "GET", "/doc/a.md");
  exchange.request.fields.add("Range", "bytes=0-1");
  exchange.request.fields.add("If-None-Match", "\"1\"");
  exchange.request.fields.add("Accept-Encoding", "br");
  EXPECT_EQ(filter(exchange, {{.output = {"Content-Type: text/html\n\n<h1>source</h1>"}}}), 200);
  EXPECT_FALSE(conditions_);
  EXPECT_EQ(exchange.content(), "<h1>source</h1>");
  EXPECT_EQ(exchange.field("Content-Type"), "text/html");
  for (const char* name : {"ETag", "Last-Modified", "Accept-Ranges"}) EXPECT_EQ(exchange.field(name), "");
  const auto& asked = fake_.asked[0];
  EXPECT_EQ(asked.role, Role::kFilter);
  EXPECT_EQ(asked.data, "# source");
  EXPECT_TRUE(asked.has("FCGI_DATA_LENGTH=8"));
  EXPECT_TRUE(asked.has("FCGI_DATA_LAST_MOD=784111777"));
  EXPECT_TRUE(asked.has("PATH_TRANSLATED=/srv/www/doc/a.md"));
  EXPECT_TRUE(asked.has("SCRIPT_FILENAME=/srv/www/doc/a.md"));
  EXPECT_TRUE(asked.has("HTTP_IF_NONE_MATCH=\"1\""));
  EXPECT_TRUE(asked.has("HTTP_ACCEPT_ENCODING=br"));
  exchange.end();
  EXPECT_EQ(holder_.holds, 0);
}

TEST_F(FilterTest, TheDataIsGivenAgain) {
  FakeExchange exchange(loop_, "GET", "/a.md");
  const Act fails{.verdict = {Verdict::Kind::kNotBegun, 502, "refused"}};
  EXPECT_EQ(filter(exchange, {fails, {.output = {"Content-Type: a/b\n\nhi"}}}), 200);
  EXPECT_EQ(fake_.asked[1].data, "# source");
}

TEST_F(FilterTest, OtherAnswersPass) {
  for (const int status : {301, 404, 206}) {
    status_ = status;
    FakeExchange exchange(loop_, "GET", "/a.md");
    holder_.holds = 1;
    EXPECT_EQ(filter(exchange, {{}}), status);
    EXPECT_EQ(fake_.asked.size(), 0U);
  }
}

TEST_F(FilterTest, AFailureSendsNothingOfTheSource) {
  FakeExchange exchange(loop_, "GET", "/a.md");
  EXPECT_EQ(filter(exchange, {{.verdict = {Verdict::Kind::kBroken, 504, "too late"}}}), 504);
  EXPECT_EQ(exchange.content(), "");
  EXPECT_EQ(exchange.field("ETag"), "");
}

}  // namespace
}  // namespace remuda::gateway
