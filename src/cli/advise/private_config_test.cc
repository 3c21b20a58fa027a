// SPDX-License-Identifier: Apache-2.0
//
// What a private server has of the configuration, and what it has not.
#include "cli/advise/private_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fake_file.h"
#include "config/reference.h"

namespace remuda::cli::advise {
namespace {

using config::AppModel;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kFile = R"(
[server]
pid_file = "/run/remuda.pid"
[workers]
processes = 4
start = "per-connection"
[[listener]]
address = "127.0.0.1:80"
[[listener]]
address = "[::1]:80"
[limits]
body = "3MiB"
[log]
access = "/site/access.log"
[[route]]
path = "/other/"
app = "other"
[[route]]
path = "/files/"
files = "public"
internal = true
[[route]]
path = "/tools/"
authorize = "guard"
app = "tools"
[app.guard]
type = "fastcgi"
role = "authorizer"
model = "remote"
peers = ["127.0.0.1:9"]
[app.other]
program = "/site/hello"
[app.tools]
program = "/site/hello"
time_limit = "7s"
)";

class PrivateConfig : public testing::Test {
 protected:
  config::FakeMachine machine_;
  void SetUp() override {
    for (const char* path : {"/private", "/usr/lib/remuda"})
      machine_.directories[path] = config::Access::kGood;
  }
};

TEST_F(PrivateConfig, HasOneApplicationAndNothingThatARunningServerHas) {
  const auto made = private_config(config::good(kFile, machine_), 2, AppModel::kFork, "/private", machine_);
  ASSERT_TRUE(made) << made.error();
  ASSERT_EQ(made->apps.size(), 1);
  EXPECT_EQ(made->apps[0].model, AppModel::kFork);
  EXPECT_EQ(made->apps[0].time_limit, std::chrono::seconds(7));
  EXPECT_EQ(made->limits.body, config::mebibytes(3));
  EXPECT_EQ(made->workers.processes, 1);
  EXPECT_EQ(made->workers.start, config::Start::kAhead);
  EXPECT_TRUE(made->server.pid_file.empty());
  ASSERT_EQ(made->listeners.size(), 1);
  EXPECT_EQ(made->listeners[0].address.path, "/private/http");
  EXPECT_EQ(made->log.error.path, "/private/error.log");
  EXPECT_EQ(config::run_directory(*made).substr(0, 9), "/private/");
}

TEST_F(PrivateConfig, KeepsRoutesThatAnAnswerMayPointToWithoutGuards) {
  const auto made = private_config(config::good(kFile, machine_), 2, AppModel::kExec, "/private", machine_);
  ASSERT_TRUE(made) << made.error();
  ASSERT_EQ(made->routes.size(), 2);
  EXPECT_EQ(made->routes[0].path, "/files/");
  EXPECT_EQ(made->routes[1].app, "tools");
  EXPECT_TRUE(made->routes[1].authorize.empty());
}

TEST_F(PrivateConfig, ReadsBackTheSame) {
  const auto made = private_config(config::good(kFile, machine_), 2, AppModel::kFork, "/private", machine_);
  ASSERT_TRUE(made) << made.error();
  const std::string text = config::show_said(*made);
  EXPECT_THAT(text, Not(HasSubstr("other")));
  EXPECT_THAT(text, Not(HasSubstr("guard")));
  const config::Config again = config::good(text, machine_);
  ASSERT_EQ(again.routes.size(), 2);
  EXPECT_TRUE(again.routes[0].internal);
  EXPECT_EQ(again.routes[1].path, "/tools/");
  EXPECT_EQ(again.apps[0].model, AppModel::kFork);
  EXPECT_EQ(again.limits.body, config::mebibytes(3));
}

TEST_F(PrivateConfig, SaysWhyAModelIsRefused) {
  const auto made = private_config(config::good(kFile, machine_), 0, AppModel::kPool, "/private", machine_);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error(), HasSubstr("app.guard"));
}

TEST(Models, ThatStartSomething) {
  using enum config::AppModel;
  EXPECT_EQ(models_of({.type = config::AppType::kCgi}), (std::vector{kExec, kFork}));
  EXPECT_EQ(models_of({.type = config::AppType::kWsgi}), (std::vector{kExec, kFork, kPool}));
  EXPECT_EQ(models_of({.type = config::AppType::kHttp}), (std::vector{kPool}));
}

}  // namespace
}  // namespace remuda::cli::advise
