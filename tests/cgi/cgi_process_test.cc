// SPDX-License-Identifier: Apache-2.0
//
// Standard error, background programs, a spawner that dies, many at once.
#include <gmock/gmock.h>

#include "tests/cgi/cgi_fixture.h"

namespace remuda::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(CgiTest, AMegabyteOfErrorsBeforeTheHeader) {
  shell("loud",
        "head -c 1000000 /dev/zero | tr '\\0' e >&2; echo >&2; echo last >&2; echo Content-Type: text/plain; "
        "echo; echo ok\n");
  EXPECT_EQ(get("/cgi-bin/loud").content, "ok\n");
  settle();
  ASSERT_EQ(log_.errors.size(), 2U);
  EXPECT_LT(log_.errors[0].size(), 1100U);
  EXPECT_EQ(log_.errors[1], "last");
  EXPECT_EQ(log_.journeys[0].error_bytes, 1'000'006U);
}

TEST_F(CgiTest, ErrorsCannotForgeTheLog) {
  shell("forger", "printf 'a\\033[2Jb\\r\\nc\\377\\n\\303\\251' >&2; echo Content-Type: text/plain; echo\n");
  get("/cgi-bin/forger");
  settle();
  EXPECT_EQ(log_.errors, (std::vector<std::string>{"a\\x1b[2Jb", "c\\xff", "\xc3\xa9"}));
}

TEST_F(CgiTest, ErrorsBeyondTheLimitAreCounted) {
  shell("loud",
        "for i in 1 2 3 4 5 6 7 8 9; do echo 0123456789 >&2; done; echo Content-Type: text/plain; echo\n");
  wire_options_.errors_limit = 50;
  configure();
  get("/cgi-bin/loud");
  settle();
  EXPECT_EQ(log_.errors.size(), 5U);
  EXPECT_THAT(log_.errors.back(), HasSubstr("more on standard error"));
  EXPECT_EQ(log_.journeys[0].error_bytes, 99U);
}

TEST_F(CgiTest, AProgramMayRunOnAfterItsOutput) {
  shell("worker", "echo Content-Type: text/plain; echo; echo ok; exec >&- 2>&-; sleep 0.3; touch finished\n");
  EXPECT_EQ(get("/cgi-bin/worker").content, "ok\n");
  EXPECT_EQ(app_->admission.inside(), 1U);  // it still has its place
  settle();
  EXPECT_TRUE(std::filesystem::exists(directory_ / "finished"));
}

TEST_F(CgiTest, TheRestAfterTheContentLengthIsDropped) {
  shell("more",
        "echo Content-Length: 3; echo Content-Type: text/plain; echo; printf abc; sleep 0.1; head -c 300000 "
        "/dev/zero; touch finished\n");
  EXPECT_EQ(get("/cgi-bin/more").content, "abc");
  settle();
  EXPECT_TRUE(std::filesystem::exists(directory_ / "finished"));
}

TEST_F(CgiTest, ASpawnerThatDiesCostsNoRequest) {
  shell("slow", "sleep 0.3; echo Content-Type: text/plain; echo; echo slow\n");
  shell("hello", "echo Content-Type: text/plain; echo; echo hello\n");
  FakeExchange running(*loop_, "GET", "/cgi-bin/slow");
  running.start(*handler_);
  for (int i = 0; i < 5; ++i) turn();
  kill_spawner();
  FakeExchange waiting(*loop_, "GET", "/cgi-bin/hello");
  waiting.start(*handler_);
  for (int i = 0; i < 3; ++i) turn();
  start_spawner();
  waiting.finish();
  running.finish();
  EXPECT_EQ(waiting.content(), "hello\n");
  EXPECT_EQ(running.content(), "slow\n");
  waiting.end();
  running.end();
  settle();
}

TEST_F(CgiTest, AProgramOfAFormerSpawnerIsEndedAtItsTimeLimit) {
  shell("hang", "sleep 60\n");
  wire_options_.time_limit = 400ms;
  configure();
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/hang");
  exchange.start(*handler_);
  for (int i = 0; i < 5; ++i) turn();
  kill_spawner();
  start_spawner();
  exchange.finish();
  EXPECT_EQ(exchange.response.status, 504);
  exchange.end();
  settle();
  EXPECT_EQ(log_.journeys[0].ending.kind, apps::Ending::Kind::kUnknown);
  while (waitpid(-log_.journeys[0].pid, nullptr, WNOHANG) > 0) {
  }
}

TEST_F(CgiTest, ManyAtOnce) {
  shell("hello", "echo Content-Type: text/plain; echo; echo hello $QUERY_STRING\n");
  limits_ = {.at_once = 8, .queue = 100};
  configure();
  std::vector<std::string> targets;
  for (int i = 0; i < 100; ++i) targets.push_back("/cgi-bin/hello?" + std::to_string(i));
  std::vector<std::unique_ptr<FakeExchange>> exchanges;
  for (const std::string& target : targets) {
    exchanges.push_back(std::make_unique<FakeExchange>(*loop_, "GET", target));
    exchanges.back()->start(*handler_);
  }
  for (int i = 0; i < 100; ++i) {
    exchanges[i]->finish();
    EXPECT_EQ(exchanges[i]->content(), "hello " + std::to_string(i) + "\n");
  }
  exchanges.clear();
  settle();
  EXPECT_EQ(log_.journeys.size(), 100U);
}

}  // namespace
}  // namespace remuda::testing
