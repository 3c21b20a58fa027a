// SPDX-License-Identifier: Apache-2.0
//
// The steps of a request in their order, each with what it refuses, and the line that finished() writes. The
// handlers are functions of the test; nothing here waits.
#include "server/request_steps.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::server {
namespace {

using http::KnownName;
using http::testing::FakeBody;
using http::testing::FakeExchange;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Answers final : public http::Handler {
 public:
  explicit Answers(std::function<void(http::Exchange&)>& answer) : answer_(answer) {}
  loop::Task<void> handle(http::Exchange& exchange) override {
    answer_(exchange);
    co_return;
  }

 private:
  std::function<void(http::Exchange&)>& answer_;
};

class CountedHolder final : public http::Holder {
 public:
  void hold() override { ++holds; }
  void release() override { --holds; }
  int holds = 1;
};

// "/files/" takes GET alone, "/app/" everything and ten bytes of body.
class RequestStepsTest : public testing::Test {
 protected:
  RequestStepsTest() {
    in_files_ = in_app_ = [this](http::Exchange& exchange) { say_hello(exchange); };
  }

  static std::vector<config::Route> routes() {
    std::vector<config::Route> made(2);
    made[0].path = "/files/";
    made[0].method = {"GET"};
    made[1].path = "/app/";
    return made;
  }
  std::vector<Destination> destinations() {
    std::vector<Destination> made;
    made.push_back({std::make_unique<Answers>(in_files_), "files", 1000});
    made.push_back({std::make_unique<Answers>(in_app_), "app", 10});
    return made;
  }
  void say_hello(http::Exchange& exchange) {
    ++handled_;
    exchange.response.status = 200;
    exchange.response.content = http::MemoryContent{"hello"};
  }
  int status_of(std::string_view method, std::string_view target) {
    FakeExchange exchange(loop_, method, target);
    exchange.run(steps_);
    trouble_ = exchange.trouble;
    return exchange.response.status;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  std::function<void(http::Exchange&)> in_files_;
  std::function<void(http::Exchange&)> in_app_;
  int handled_ = 0;
  std::string trouble_;
  std::vector<std::string> lines_;
  std::unique_ptr<base::Log> log_ =
      base::Log::into([this](std::string_view line) { lines_.emplace_back(line); });
  Router router_{routes()};
  content::ErrorPages pages_;
  Gate gate_{loop_, 10};
  RequestSteps steps_{router_, destinations(), pages_, gate_, *log_, nullptr, 7};
};

// --- what only the server answers --------------------------------------------------------------------------

TEST_F(RequestStepsTest, OptionsOfTheServer) {
  FakeExchange exchange(loop_, "OPTIONS", "*");
  exchange.run(steps_);
  EXPECT_EQ(exchange.response.status, 204);
  EXPECT_THAT(exchange.field("Allow"), HasSubstr("GET, HEAD, POST"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(RequestStepsTest, NeitherTracesNorTunnels) {
  for (const std::string_view method : {"TRACE", "CONNECT"}) {
    FakeExchange exchange(loop_, method, "/app/x");
    exchange.run(steps_);
    EXPECT_EQ(exchange.response.status, 405) << method;
    EXPECT_THAT(exchange.field("Allow"), Not(HasSubstr(std::string(method))));
    EXPECT_THAT(exchange.field("Allow"), HasSubstr("GET"));
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(RequestStepsTest, PathsThatAreNone) {
  EXPECT_EQ(status_of("GET", "/app/%zz"), 400);
  EXPECT_THAT(trouble_, HasSubstr("hexadecimal"));
  EXPECT_EQ(status_of("GET", "/app/%00"), 400);
  EXPECT_THAT(trouble_, HasSubstr("zero byte"));
  EXPECT_EQ(status_of("GET", "/../etc/passwd"), 400);
  EXPECT_THAT(trouble_, HasSubstr("above the root"));
  EXPECT_EQ(handled_, 0);
}

// --- choosing ----------------------------------------------------------------------------------------------

TEST_F(RequestStepsTest, TheRouteAnswersUnderItsName) {
  FakeExchange exchange(loop_, "GET", "/files/a");
  exchange.run(steps_);
  EXPECT_EQ(exchange.content(), "hello");
  EXPECT_EQ(exchange.handled_by, "files");
  EXPECT_EQ(exchange.body_limit, 1000U);
  EXPECT_THAT(exchange.trouble, IsEmpty());
}

TEST_F(RequestStepsTest, NoRoute) {
  EXPECT_EQ(status_of("GET", "/elsewhere"), 404);
  EXPECT_EQ(trouble_, "no route matches");
}

TEST_F(RequestStepsTest, NoRouteTakesTheMethod) {
  FakeExchange exchange(loop_, "DELETE", "/files/a");
  exchange.run(steps_);
  EXPECT_EQ(exchange.response.status, 405);
  EXPECT_EQ(exchange.field("Allow"), "GET, HEAD");
  EXPECT_EQ(handled_, 0);
}

// --- announced bodies --------------------------------------------------------------------------------------

TEST_F(RequestStepsTest, ABodyThatIsAnnouncedTooLargeIsNotHandled) {
  for (const uint64_t bytes : {10, 11}) {
    FakeBody body({});
    body.known_remaining = bytes;
    FakeExchange exchange(loop_, "POST", "/app/x");
    exchange.request.body = &body;
    exchange.run(steps_);
    EXPECT_EQ(exchange.response.status, bytes == 10 ? 200 : 413);
  }
  EXPECT_EQ(handled_, 1);
}

TEST_F(RequestStepsTest, ABodyOfUnknownLengthIsLimitedWhileItIsRead) {
  FakeBody body({"some"});
  FakeExchange exchange(loop_, "POST", "/app/x");
  exchange.request.body = &body;
  exchange.run(steps_);
  EXPECT_EQ(exchange.response.status, 200);
  EXPECT_EQ(exchange.body_limit, 10U);
}

// --- internal redirects ------------------------------------------------------------------------------------

TEST_F(RequestStepsTest, AnInternalRedirectIsAGetWithoutBody) {
  CountedHolder holder;
  in_app_ = [&](http::Exchange& exchange) {
    exchange.response.status = 200;
    exchange.response.reason = "Elsewhere";
    exchange.response.length = 77;
    exchange.response.holder = &holder;
    exchange.response.fields.add("X-Of-The-Program", "1");
    exchange.response.internal_redirect = "/files/b%20c?d=e?f";
  };
  in_files_ = [&](http::Exchange& exchange) {
    EXPECT_EQ(exchange.request.method, "GET");
    EXPECT_EQ(exchange.request.raw_path, "/files/b%20c");
    EXPECT_EQ(exchange.request.query, "d=e?f");
    EXPECT_TRUE(exchange.request.has_query);
    EXPECT_EQ(exchange.request.target, "/app/x?old");
    EXPECT_EQ(exchange.request.body, nullptr);
    EXPECT_EQ(exchange.request.fields.all().size(), 1U);
    EXPECT_EQ(exchange.response.status, 0);
    say_hello(exchange);
  };
  FakeBody body({"some"});
  FakeExchange exchange(loop_, "POST", "/app/x?old");
  exchange.request.body = &body;
  for (const auto name : {KnownName::kContentLength, KnownName::kContentType, KnownName::kContentEncoding,
                          KnownName::kTransferEncoding, KnownName::kUserAgent}) {
    exchange.request.fields.add(name, "1");
  }
  exchange.run(steps_);
  EXPECT_EQ(exchange.content(), "hello");
  EXPECT_EQ(exchange.handled_by, "files");
  EXPECT_EQ(exchange.field("X-Of-The-Program"), "");
  EXPECT_EQ(exchange.response.reason, "");
  EXPECT_FALSE(exchange.response.length.has_value());
  EXPECT_EQ(holder.holds, 0);
}

TEST_F(RequestStepsTest, AnInternalRedirectIsChosenAnew) {
  in_app_ = [](http::Exchange& exchange) { exchange.response.internal_redirect = "/nowhere"; };
  EXPECT_EQ(status_of("GET", "/app/x"), 404);
}

TEST_F(RequestStepsTest, AnInternalRedirectToWhatIsNoPathIsTheApplicationsFault) {
  for (const char* path : {"/%zz", "/a/../../b", "/a%00"}) {
    in_app_ = [&](http::Exchange& exchange) { exchange.response.internal_redirect = path; };
    EXPECT_EQ(status_of("GET", "/app/x"), 502);
    EXPECT_THAT(trouble_,
                AllOf(HasSubstr("application named a path that is none (the path"), HasSubstr(path)));
  }
}

TEST_F(RequestStepsTest, TenInternalRedirectsAndNoMore) {
  for (const int most : {10, 11}) {
    int redirects = 0;
    in_app_ = [&](http::Exchange& exchange) {
      if (redirects == most) return say_hello(exchange);
      ++redirects;
      exchange.response.fields.add("X-Of-The-Program", "1");
      exchange.response.internal_redirect = "/app/again";
    };
    FakeExchange exchange(loop_, "GET", "/app/x");
    exchange.run(steps_);
    EXPECT_EQ(redirects, most);
    EXPECT_EQ(exchange.response.status, most == 10 ? 200 : 500);
    EXPECT_EQ(exchange.field("X-Of-The-Program"), "");
    EXPECT_THAT(exchange.response.internal_redirect, IsEmpty());
  }
}

// --- explaining --------------------------------------------------------------------------------------------

TEST_F(RequestStepsTest, NoAnswerIsAnError) {
  in_app_ = [](http::Exchange&) {};
  EXPECT_EQ(status_of("GET", "/app/x"), 500);
  EXPECT_EQ(trouble_, "the handler gave no answer");
}

TEST_F(RequestStepsTest, ABareErrorGetsAPage) {
  in_app_ = [](http::Exchange& exchange) {
    exchange.response.status = 503;
    exchange.response.fields.add("Retry-After", "5");
    exchange.trouble = "the queue is full";
  };
  FakeExchange exchange(loop_, "GET", "/app/x");
  exchange.run(steps_);
  EXPECT_THAT(exchange.content(), HasSubstr("503"));
  EXPECT_THAT(exchange.content(), HasSubstr("2a"));  // the request's id
  EXPECT_THAT(exchange.content(), Not(HasSubstr("queue is full")));
  EXPECT_EQ(exchange.field("Retry-After"), "5");
  EXPECT_EQ(exchange.trouble, "the queue is full");
}

TEST_F(RequestStepsTest, AnApplicationsOwnErrorPageStays) {
  in_app_ = [](http::Exchange& exchange) {
    exchange.response.status = 404;
    exchange.response.fields.add("Content-Type", "text/x-own");
    exchange.response.content = http::MemoryContent{"own"};
  };
  FakeExchange exchange(loop_, "GET", "/app/x");
  exchange.run(steps_);
  EXPECT_EQ(exchange.content(), "own");
  EXPECT_EQ(exchange.field("Content-Type"), "text/x-own");
}

TEST_F(RequestStepsTest, HeadOfAnApplicationsOwnErrorPageStays) {
  in_app_ = [](http::Exchange& exchange) {
    exchange.response.status = 404;
    exchange.response.fields.add("Content-Type", "text/x-own");
    exchange.response.length = 3;
  };
  FakeExchange exchange(loop_, "HEAD", "/app/x");
  exchange.run(steps_);
  EXPECT_EQ(exchange.field("Content-Type"), "text/x-own");
  EXPECT_EQ(exchange.response.length, 3U);
}

TEST_F(RequestStepsTest, DevelopmentPagesShowWhyAndTheDetails) {
  const content::ErrorPages shown({.detail = content::Detail::kShow, .pages = {}});
  RequestSteps steps(router_, destinations(), shown, gate_, *log_, nullptr, 7);
  in_app_ = [](http::Exchange& exchange) {
    exchange.response.status = 502;
    exchange.trouble = "no head";
    exchange.details = "exit status 2";
  };
  FakeExchange exchange(loop_, "GET", "/app/x");
  exchange.run(steps);
  EXPECT_THAT(exchange.content(), HasSubstr("no head\nexit status 2"));
}

TEST_F(RequestStepsTest, WhatTheDriverRefusesGetsAPage) {
  FakeExchange exchange(loop_, "", "");
  steps_.refuse(exchange, 431, "the fields are too large");
  EXPECT_EQ(exchange.response.status, 431);
  EXPECT_THAT(exchange.content(), HasSubstr("431"));
  EXPECT_EQ(exchange.trouble, "the fields are too large");
}

// --- the end -----------------------------------------------------------------------------------------------

class FinishedTest : public RequestStepsTest {
 protected:
  FinishedTest() {
    sockaddr_storage peer{};
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&peer);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    exchange_.endpoints.peer = http::Address::from(peer);
  }
  void finish(int status, bool complete, std::string_view trouble) {
    http::Record record;
    record.status = status;
    record.complete = complete;
    record.trouble = trouble;
    steps_.finished(exchange_, record);
  }
  FakeExchange exchange_{loop_, "GET", "/app/x"};
};

TEST_F(FinishedTest, ARequestWithoutTroubleIsNotTold) {
  finish(404, true, "");
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(FinishedTest, TheHandlersTroubleIsTold) {
  exchange_.trouble = "no such file";
  finish(404, true, "");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("from 127.0.0.1: GET /app/x: 404 sent: no such file\n")));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("2a from")));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("info")));
}

TEST_F(FinishedTest, TheDriversTroubleComesFirst) {
  exchange_.trouble = "no such file";
  finish(500, false, "the client left");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(": 500 not sent whole: the client left\n")));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("warning")));
}

TEST_F(FinishedTest, TheLevelDecidesWhatIsTold) {
  const auto quiet =
      base::Log::into([this](std::string_view line) { lines_.emplace_back(line); }, base::LogLevel::kWarning);
  RequestSteps steps(router_, destinations(), pages_, gate_, *quiet, nullptr, 7);
  http::Record record;
  record.trouble = "bad";
  record.status = 400;
  steps.finished(exchange_, record);
  EXPECT_THAT(lines_, IsEmpty());
  record.status = 503;
  steps.finished(exchange_, record);
  EXPECT_EQ(lines_.size(), 1U);
}

TEST_F(FinishedTest, LongTargetsAreCut) {
  const std::string target = "/" + std::string(300, 'a');
  FakeExchange exchange(loop_, "GET", target);
  http::Record record;
  record.status = 404;
  record.trouble = "bad";
  steps_.finished(exchange, record);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(target.substr(0, 200) + ": 404")));
}

TEST_F(RequestStepsTest, NumbersCountUpAndTheGateDecidesAboutTheEnd) {
  EXPECT_EQ(steps_.next_request_id(), 7U);
  EXPECT_EQ(steps_.next_request_id(), 8U);
  EXPECT_FALSE(steps_.should_close());
  gate_.close();
  EXPECT_TRUE(steps_.should_close());
}

}  // namespace
}  // namespace remuda::server
