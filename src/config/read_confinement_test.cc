// SPDX-License-Identifier: Apache-2.0
//
// Reading how applications are kept apart: what "strict" puts in the place of defaults, and the exact text of
// every mistake and warning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;

constexpr std::string_view kHead = "[server]\nuser = \"www-data\"\n[app.x]\nprogram = \"hello\"\n";
constexpr std::string_view kStrict = "user = \"git\"\nsandbox = \"strict\"\n";

FakeMachine of_root() {
  FakeMachine machine;
  machine.root = true;
  machine.users["root"] = {0, 0};
  machine.directories["/site/uploads"] = Access::kGood;
  return machine;
}

std::string file(std::string_view head, std::string_view lines) {
  return std::string(head) + std::string(lines) + "\n[[route]]\napp = \"x\"\n";
}
std::vector<std::string> as_root(const std::string& lines, const FakeMachine& machine = of_root()) {
  return mistakes(file(kHead, lines), machine);
}
std::vector<std::string> strict(const std::string& lines, const FakeMachine& machine = of_root()) {
  return as_root(std::string(kStrict) + lines, machine);
}
std::vector<std::string> as_user(std::string_view lines) {
  return mistakes(file("[app.x]\nprogram = \"hello\"\n", lines));
}
App app_of(const std::string& lines) {
  const Config config = good(file(kHead, lines), of_root());
  return config.apps.empty() ? App{} : config.apps[0];
}

TEST(Confinement, IsNothingUnlessItIsSaid) {
  const App app = app_of("");
  EXPECT_EQ(app.sandbox, Sandbox::kOff);
  EXPECT_EQ(app.network, Network::kOn);
  EXPECT_FALSE(app.no_new_privileges || app.cgroup.is_asked_for());
  EXPECT_TRUE(app.process_limits.core_dumps);
  EXPECT_EQ(app.process_limits.processes, 0U);
}

TEST(Confinement, OfStrictFillsInTheRest) {
  const App app = app_of(std::string(kStrict) + "writable = [\"uploads\"]");
  EXPECT_EQ(app.network, Network::kOff);
  EXPECT_TRUE(app.no_new_privileges);
  EXPECT_FALSE(app.process_limits.core_dumps);
  EXPECT_EQ(app.process_limits.processes, App::kStrictProcesses);
  ASSERT_EQ(app.writable.size(), 1U);
  EXPECT_EQ(app.writable[0].text, "/site/uploads");
  const App other = app_of(std::string(kStrict) + "network = \"loopback\"\nprocess_limits.processes = 9");
  EXPECT_EQ(other.network, Network::kLoopback);
  EXPECT_EQ(other.process_limits.processes, 9U);
}

TEST(Confinement, OfStrictNeedsAUserOfItsOwn) {
  EXPECT_THAT(
      as_root("sandbox = \"strict\""),
      ElementsAre("r.toml:5:11: app.x.sandbox: \"strict\" needs a user of the application's own; user "
                  "= \"x\"; create it: adduser --system --group x"));
  EXPECT_THAT(as_root("sandbox = \"strict\"\nuser = \"root\""),
              ElementsAre("r.toml:6:8: app.x.sandbox: \"strict\" cannot hold root; another user, which no "
                          "other process has"));
  EXPECT_THAT(
      as_root("sandbox = \"strict\"\nuser = \"www-data\""),
      ElementsAre("r.toml:6:8: app.x.sandbox: \"strict\" needs a user of the application's own, and the "
                  "workers have this one too; create one: adduser --system --group x"));
}

TEST(Confinement, WarnsOfAUserThatTwoHave) {
  const Config config =
      good(file(kHead, std::string(kStrict) + "[app.y]\nprogram = \"hello\"\nuser = \"git\"\n"
                                              "[[route]]\npath = \"/y/\"\napp = \"y\""),
           of_root());
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(
      to_string(config.warnings[0]),
      "r.toml:5:8: warning: app.x.sandbox: \"strict\" keeps nothing apart from app.y, which has the same "
      "user; give each a user of its own");
}

TEST(Confinement, NeedsRootForAllButTheFilter) {
  EXPECT_THAT(as_user("sandbox = \"default\""), ElementsAre("(none)"));
  EXPECT_THAT(
      as_user("sandbox = \"strict\""),
      ElementsAre("r.toml:3:11: app.x.sandbox: \"strict\" can be had only where the server is started "
                  "as root; start as root with server.user and a user for the application, or use "
                  "\"default\""));
  EXPECT_THAT(as_user("network = \"off\""),
              ElementsAre("r.toml:3:11: app.x.network: only a server that is started as root can take the "
                          "network away; start as root, or leave it out"));
}

TEST(Confinement, OfStrictFitsWithTheOtherOptions) {
  EXPECT_THAT(
      strict("writable = [\"nowhere\"]"),
      ElementsAre("r.toml:7:12: app.x.writable: the directory \"/site/nowhere\" does not exist; create "
                  "it, or correct the path"));
  EXPECT_THAT(strict("no_new_privileges = false"),
              ElementsAre("r.toml:7:21: app.x.sandbox: \"strict\" has no_new_privileges; leave "
                          "no_new_privileges out"));
  EXPECT_THAT(strict("type = \"http\"\nlisten = \"port\""),
              ElementsAre("r.toml:3:1: app.x.network: with listen = \"port\" the server could not reach the "
                          "instances; listen = \"descriptor\", or network = \"on\""));
  EXPECT_THAT(strict("type = \"http\"\nlisten = \"port\"\nnetwork = \"on\""), ElementsAre("(none)"));
}

TEST(Confinement, SaysWhatMeansNothing) {
  const Config config = good(file(kHead, "sandbox = \"default\"\nwritable = [\"uploads\"]"), of_root());
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(
      to_string(config.warnings[0]),
      "r.toml:6:12: warning: app.x.writable: means nothing without sandbox = \"strict\"; leave it out, or "
      "set sandbox = \"strict\"");
}

TEST(Confinement, NamesVariablesOrBeginningsOfNames) {
  EXPECT_THAT(as_user("pass_environment = [\"LANG\", \"APP_*\"]"), ElementsAre("(none)"));
  EXPECT_THAT(as_user("pass_environment = [\"A=b\"]"),
              ElementsAre("r.toml:3:20: app.x.pass_environment: \"A=b\" is not the name of a variable; "
                          "\"NAME\", or \"NAM*\" for all that begin so; environment = { NAME = \"value\" } "
                          "sets one"));
}

TEST(Confinement, IsRefusedWhereTheMachineCannot) {
  struct {
    Means means;
    const char* lines;
    const char* said;
  } const cases[] = {
      {Means::kFilterOfRoot, "sandbox = \"default\"", "r.toml:5:11: app.x.sandbox: no; do"},
      {Means::kFilter, "sandbox = \"default\"\nno_new_privileges = true",
       "r.toml:5:11: app.x.sandbox: no; do"},
      {Means::kNetwork, "network = \"off\"", "r.toml:5:11: app.x.network: no; do"},
      {Means::kCgroupMemory, "cgroup.memory = \"1GiB\"", "r.toml:5:17: app.x.cgroup.memory: no; do"},
      {Means::kCgroupProcesses, "cgroup.processes = 9", "r.toml:5:20: app.x.cgroup.processes: no; do"},
      {Means::kCgroupCpu, "cgroup.cpu = 50", "r.toml:5:14: app.x.cgroup.cpu: no; do"},
  };
  for (const auto& each : cases) {
    FakeMachine machine = of_root();
    machine.obstacles[each.means] = {"no", "do"};
    EXPECT_THAT(as_root(each.lines, machine), ElementsAre(each.said));
    EXPECT_THAT(as_root("", machine), ElementsAre("(none)")) << "nobody asks for it";
  }
  FakeMachine machine = of_root();
  machine.obstacles[Means::kNamespaces] = {"no", "do"};
  EXPECT_THAT(strict("", machine), ElementsAre("r.toml:6:11: app.x.sandbox: no; do"));
}

}  // namespace
}  // namespace remuda::config
