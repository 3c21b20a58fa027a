// SPDX-License-Identifier: Apache-2.0
//
// The status API over fake applications: what each request answers, and what reaches the application.
#include "admin/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/json.h"
#include "admin/query.h"
#include "admin/testing/fake_control.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/deterministic.h"

namespace remuda::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ServiceTest : public ::testing::Test {
 protected:
  struct Answer {
    int status = 0;
    std::string text;
    std::string type;
    std::string allow;
  };
  Answer ask(std::string_view method, std::string_view target, std::string_view origin = {}) {
    http::testing::FakeExchange exchange(loop_, method, target);
    if (!origin.empty()) exchange.request.fields.add("Origin", origin);
    exchange.run(service_);
    return {exchange.response.status, exchange.content(), exchange.field("Content-Type"),
            exchange.field("Allow")};
  }
  std::string trouble(std::string_view method, std::string_view target, int status) {
    const Answer answer = ask(method, target);
    EXPECT_EQ(answer.status, status) << target;
    return parse_sentence(answer.text);
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  testing::FakeControl blog_{"blog"};
  testing::FakeControl shop_{"shop & son"};
  std::vector<std::string> said_;
  Service service_{
      [] { return Snapshot{.version = "1", .supervisor = 1, .workers = {{.pid = 2}}, .apps = {}}; },
      {&blog_, &shop_},
      [this](std::string_view sentence) { said_.emplace_back(sentence); }};
};

TEST_F(ServiceTest, StatusHasTheServerAndItsApplications) {
  blog_.its.requests = 7;
  const Answer answer = ask("GET", "/status");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.type, "application/json");
  const auto snapshot = parse_snapshot(answer.text);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->workers.at(0).pid, 2);
  ASSERT_EQ(snapshot->apps.size(), 2U);
  EXPECT_EQ(snapshot->apps[0].requests, 7U);
}

TEST_F(ServiceTest, StatusOfOneApplication) {
  const auto snapshot = parse_snapshot(ask("GET", "/status/apps/shop%20%26%20son").text);
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->apps.size(), 1U);
  EXPECT_EQ(snapshot->apps[0].name, "shop & son");
  EXPECT_EQ(trouble("GET", "/status/apps/wiki", 404),
            "there is no application wiki; there are: blog, shop & son");
}

TEST_F(ServiceTest, AnApplicationThatSaysNothingHoldsUpNobody) {
  testing::FakeControl silent("silent");
  silent.slow = &loop_;
  Service service([] { return Snapshot{}; }, {&silent, &blog_}, [](std::string_view) {});
  http::testing::FakeExchange exchange(loop_, "GET", "/status");
  exchange.run(service);
  EXPECT_EQ(exchange.response.status, 200);
  EXPECT_EQ(parse_snapshot(exchange.content())->apps.size(), 2U);
}

TEST_F(ServiceTest, MetricsAreText) {
  const Answer answer = ask("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.type, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer.text, HasSubstr("remuda_app_requests_total{app=\"blog\"} 0\n"));
}

TEST_F(ServiceTest, RestartReports) {
  blog_.report.lines = {"one by one"};
  const Answer answer = ask("POST", "/apps/blog/restart");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(parse_restart_report(answer.text)->succeeded);
  EXPECT_THAT(blog_.told, ElementsAre("restart"));
  EXPECT_THAT(said_, ElementsAre("app blog: a restart was ordered", "app blog: restarted, 2 replaced"));
}

TEST_F(ServiceTest, ARestartThatFailedIsAnErrorWithItsReport) {
  blog_.report = {.succeeded = false, .replaced = 0, .lines = {"exited with status 1"}};
  const Answer answer = ask("POST", "/apps/blog/restart");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(parse_sentence(answer.text), HasSubstr("the old instances serve on"));
  EXPECT_THAT(parse_restart_report(answer.text)->lines, ElementsAre("exited with status 1"));
  blog_.report.nobody_serves = true;
  EXPECT_THAT(parse_sentence(ask("POST", "/apps/blog/restart").text),
              HasSubstr("the restart failed: no instance serves"));
  EXPECT_EQ(said_.back(), "app blog: the restart failed, no instance serves");
}

TEST_F(ServiceTest, EndsInstancesAndRequests) {
  const Answer answer = ask("POST", "/apps/blog/end?instance=4242");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(parse_sentence(answer.text), "instance 4242 of blog ends");
  EXPECT_EQ(ask("POST", "/apps/blog/end?request=0000000000c0ffee").status, 200);
  EXPECT_THAT(blog_.told, ElementsAre("end instance 4242", "end request 12648430"));
  EXPECT_EQ(said_.size(), 2U);
}

TEST_F(ServiceTest, SaysWhatCannotBeEnded) {
  blog_.error = ENOENT;
  EXPECT_EQ(trouble("POST", "/apps/blog/end?instance=1", 404), "blog has no instance 1");
  EXPECT_EQ(trouble("POST", "/apps/blog/end?request=ff", 404), "blog has no request 00000000000000ff");
  blog_.error = ENOTSUP;
  EXPECT_EQ(trouble("POST", "/apps/blog/end?instance=1", 409), "blog has no instances: its model knows none");
  EXPECT_THAT(said_, IsEmpty());
  blog_.told.clear();
  for (const char* query : {"", "?", "?instance=", "?instance=0", "?instance=-1", "?instance=12x",
                            "?instance=99999999999", "?request=xyz", "?instance=1&request=2", "?pid=1"}) {
    EXPECT_THAT(trouble("POST", "/apps/blog/end" + std::string(query), 400), HasSubstr("instance=PID"))
        << query;
  }
  EXPECT_THAT(blog_.told, IsEmpty());
}

TEST_F(ServiceTest, ChangesPeers) {
  for (const char* change : {"add", "drain", "restore", "remove"}) {
    const std::string target =
        std::string("/apps/blog/peers?") + change + "=" + percent_encoded("[::1]:90 weight=2");
    EXPECT_EQ(ask("POST", target).status, 200) << change;
  }
  EXPECT_THAT(blog_.told, ElementsAre("add [::1]:90 weight=2", "drain [::1]:90 weight=2",
                                      "restore [::1]:90 weight=2", "remove [::1]:90 weight=2"));
}

TEST_F(ServiceTest, SaysWhichPeersCannotBeChanged) {
  EXPECT_THAT(trouble("POST", "/apps/blog/peers", 400), HasSubstr("add="));
  EXPECT_THAT(trouble("POST", "/apps/blog/peers?weight=2", 400), HasSubstr("add="));
  EXPECT_THAT(blog_.told, IsEmpty());
  blog_.error = EINVAL;
  EXPECT_EQ(trouble("POST", "/apps/blog/peers?add=x", 400), "peer x: try") << "the error's own text";
  blog_.error = ENOENT;
  EXPECT_EQ(trouble("POST", "/apps/blog/peers?drain=x%3a1", 404), "blog has no peer x:1");
  blog_.error = EEXIST;
  EXPECT_EQ(trouble("POST", "/apps/blog/peers?add=x%3a1", 409), "blog has the peer x:1 already");
  blog_.error = EMFILE;
  EXPECT_EQ(trouble("POST", "/apps/blog/peers?add=x%3a1", 500), "blog: peer x:1: try: Too many open files");
}

TEST_F(ServiceTest, RefusesWhatABrowserSends) {
  EXPECT_EQ(ask("GET", "/status", "null").status, 403);
  EXPECT_EQ(ask("POST", "/apps/blog/restart", "http://example.org").status, 403);
  EXPECT_THAT(blog_.told, IsEmpty());
}

TEST_F(ServiceTest, MethodsAndPaths) {
  EXPECT_EQ(ask("HEAD", "/status").status, 200);
  EXPECT_EQ(ask("POST", "/status").allow, "GET, HEAD");
  EXPECT_EQ(ask("POST", "/metrics").status, 405);
  EXPECT_EQ(ask("GET", "/apps/blog/restart").allow, "POST");
  EXPECT_THAT(blog_.told, IsEmpty());
  EXPECT_THAT(trouble("GET", "/", 404), HasSubstr("/status"));
  EXPECT_THAT(trouble("GET", "*", 400), HasSubstr("decoded"));
  EXPECT_THAT(trouble("GET", "/%zz", 400), HasSubstr("decoded"));
  EXPECT_EQ(trouble("POST", "/apps/blog/dance", 404), "an application takes restart, end and peers");
  EXPECT_THAT(trouble("POST", "/apps/wiki/restart", 404), HasSubstr("there is no application wiki"));
}

TEST_F(ServiceTest, RefusalsOfTheDriverAreJson) {
  http::testing::FakeExchange exchange(loop_, "GET", "/");
  service_.refuse(exchange, 431, "too many fields");
  EXPECT_EQ(exchange.response.status, 431);
  EXPECT_EQ(parse_sentence(exchange.content()), "too many fields");
}

TEST(ServiceWithoutApplications, SaysThatThereAreNone) {
  loop::DeterministicBackend backend;
  loop::Loop loop(backend);
  Service service([] { return Snapshot{}; }, {}, [](std::string_view) {});
  http::testing::FakeExchange exchange(loop, "POST", "/apps/blog/restart");
  exchange.run(service);
  EXPECT_EQ(exchange.response.status, 404);
  EXPECT_EQ(parse_sentence(exchange.content()), "there is no application blog: there are none");
}

}  // namespace
}  // namespace remuda::admin
