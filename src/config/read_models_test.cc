// SPDX-License-Identifier: Apache-2.0
//
// Reading applications of the models pool and remote: tables within a table, words in place of numbers,
// peers, what a model puts in the place of a default, and the exact text of every mistake and warning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"
#include "config/reference.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kPool = "[app.x]\ntype = \"fastcgi\"\nprogram = \"hello\"\n";
constexpr std::string_view kFarm =
    "[app.x]\ntype = \"fastcgi\"\nmodel = \"remote\"\npeers = [\"[::1]:9000\"]\n";
constexpr std::string_view kToIt = "\n[[route]]\napp = \"x\"\n";

std::string file(std::string_view head, std::string_view lines) {
  return std::string(head) + std::string(lines) + std::string(kToIt);
}
App app_of(std::string_view head, std::string_view lines) {
  const Config config = good(file(head, lines));
  return config.apps.empty() ? App{} : config.apps[0];
}
std::vector<std::string> pool(std::string_view lines) { return mistakes(file(kPool, lines)); }
std::vector<std::string> farm(std::string_view lines) { return mistakes(file(kFarm, lines)); }
std::vector<std::string> warnings(const Config& config) {
  std::vector<std::string> texts;
  for (const Diagnostic& warning : config.warnings) texts.push_back(to_string(warning));
  return texts;
}

TEST(Models, EveryWorkerProcessHasAnInstanceAtLeast) {
  const auto told = [](uint32_t max) {
    return warnings(good("[workers]\nprocesses = 4\n" +
                         file(kPool, "instances = { max = " + std::to_string(max) + " }")));
  };
  EXPECT_THAT(told(3), ElementsAre(HasSubstr("app.x.instances.max: 3 cannot be shared by 4 worker processes: "
                                             "each has one at least; max = 4 or more")));
  EXPECT_THAT(told(4), ElementsAre());
  EXPECT_THAT(told(0), ElementsAre());
}

TEST(Models, FollowFromTheType) {
  EXPECT_EQ(app_of(kPool, "").model, AppModel::kPool);
  EXPECT_EQ(app_of("[app.x]\ntype = \"scgi\"\npeers = \"[::1]:9\"\n", "").model, AppModel::kRemote);
  EXPECT_EQ(app_of("[app.x]\nprogram = \"hello\"\n", "").model, AppModel::kExec);
}

TEST(Models, PutTheirOwnInThePlaceOfADefault) {
  const App exec = app_of("[app.x]\nprogram = \"hello\"\n", "");
  EXPECT_FALSE(exec.request_buffering);
  EXPECT_EQ(exec.concurrency, 32U);
  const App in_pool = app_of(kPool, "");
  EXPECT_TRUE(in_pool.request_buffering);
  EXPECT_EQ(in_pool.keep_connections, App::kAsManyAsItTakes);
  EXPECT_EQ(in_pool.idle_connection_time, std::chrono::seconds(60));
  const App remote = app_of(kFarm, "");
  EXPECT_EQ(remote.keep_connections, 8U);
  EXPECT_EQ(remote.idle_connection_time, std::chrono::seconds(1));
  EXPECT_EQ(remote.concurrency, 1024U);
  EXPECT_EQ(app_of(kFarm, "keep_connections = 0\nidle_connection_time = \"5s\"").keep_connections, 0U);
  EXPECT_EQ(app_of(kFarm, "balance = \"hash\"").hash_key, "path");
}

TEST(Models, OfHttpSuitWhatStreams) {
  const App app = app_of("[app.x]\ntype = \"http\"\nprogram = \"hello\"\n", "");
  EXPECT_EQ(app.model, AppModel::kPool);
  EXPECT_EQ(app.listen, Listen::kDescriptor);
  EXPECT_EQ(app.time_limit, Duration{});
  EXPECT_EQ(app.first_byte_timeout, std::chrono::seconds(60));
  EXPECT_TRUE(app.pass_authorization && app.allow_encoded_slash);
  EXPECT_EQ(app.instances.concurrency, 64U);
  EXPECT_FALSE(app.is_node_script());
  EXPECT_THAT(
      warnings(good(file("[app.x]\ntype = \"http\"\nprogram = \"hello\"\n", "read_timeout = \"2h\""))),
      ElementsAre());
}

TEST(Models, HaveTablesWithinTheTable) {
  const App app = app_of(kPool,
                         "instances = { min = 1, max = \"auto\", memory_soft = \"64MiB\", max_age = \"0\", "
                         "memory_hard = \"0\" }\n"
                         "health.path = \"/ok\"\nmultiplex = true");
  EXPECT_EQ(app.instances.min, 1U);
  EXPECT_EQ(app.instances.max, 0U);
  EXPECT_EQ(app.instances.memory_soft, mebibytes(64));
  EXPECT_EQ(app.health.path, "/ok");
  EXPECT_EQ(app.multiplex, Multiplex::kOn);
  EXPECT_EQ(app_of(kPool, "multiplex = \"auto\"\n[app.x.instances]\nmax = 8").instances.max, 8U);
  EXPECT_THAT(pool("instances = { mim = 1 }"),
              ElementsAre("r.toml:4:15: app.x.instances: unknown option \"mim\"; did you mean \"min\"?"));
  EXPECT_THAT(
      pool("instances = { max = \"many\" }"),
      ElementsAre("r.toml:4:21: app.x.instances.max: expected an integer or \"auto\", not a string; write "
                  "the number without quotes"));
  EXPECT_THAT(
      pool("instances = 4"),
      ElementsAre(
          "r.toml:4:13: app.x.instances: expected a table, not an integer; write instances = { ... }"));
  EXPECT_THAT(pool("instance = { min = 1 }"),
              ElementsAre("r.toml:4:1: app.x: unknown option \"instance\"; did you mean \"instances\"?"));
  EXPECT_THAT(
      pool("multiplex = \"yes\""),
      ElementsAre(
          "r.toml:4:13: app.x.multiplex: \"yes\" is not known; one of \"auto\", \"true\", \"false\""));
}

TEST(Models, GiveAProgramItsArgumentsAsTheyAre) {
  EXPECT_THAT(app_of(kPool, "arguments = [\"-d\", \"a=1\", \"-d\", \"\"]").arguments,
              ElementsAre("-d", "a=1", "-d", ""));
}

TEST(Models, NeedWhatAnswers) {
  EXPECT_THAT(
      mistakes(file("[app.x]\ntype = \"fastcgi\"\n", "")),
      ElementsAre("r.toml:1:1: app.x: has no program that instances could run; program = \"FILE\", or model "
                  "= \"remote\" and peers = [...] for processes that others run"));
  EXPECT_THAT(
      mistakes(file("[app.x]\ntype = \"scgi\"\n", "")),
      ElementsAre("r.toml:1:1: app.x: has no peers; peers = [\"127.0.0.1:9000\"], or model = \"pool\" and "
                  "program = \"FILE\" for processes that this server runs"));
  EXPECT_THAT(
      mistakes("[workers]\nstart = \"per-connection\"\n" + file(kPool, "")),
      ElementsAre("r.toml:3:1: app.x.model: \"pool\" needs workers that live on, and workers.start = "
                  "\"per-connection\" has a process for each connection; set workers.start = \"ahead\", or "
                  "run the processes elsewhere and use model = \"remote\""));
}

TEST(Models, SayWhatMeansNothing) {
  const Config config = good(file(kFarm, "instances = { min = 1 }\nprogram = \"none\"\nexit_grace = \"1s\""));
  EXPECT_THAT(
      warnings(config),
      ElementsAre("r.toml:6:11: warning: app.x.program: means nothing with model \"remote\"; leave it out",
                  "r.toml:7:14: warning: app.x.exit_grace: means nothing with model \"remote\"; leave it out",
                  "r.toml:5:21: warning: app.x.instances.min: means nothing with model \"remote\"; leave it "
                  "out"));
  EXPECT_THAT(
      warnings(good(file(kPool, "concurrency = 4\nscripts = \".php\"\nread_timeout = \"2m\""))),
      ElementsAre("r.toml:4:15: warning: app.x.concurrency: means nothing with model \"pool\"; leave it out",
                  "r.toml:5:11: warning: app.x.scripts: means nothing without root; root = \"DIRECTORY\" of "
                  "the scripts",
                  "r.toml:6:16: warning: app.x.read_timeout: is never reached, because time_limit is sooner; "
                  "time_limit = \"2m\" or more"));
}

TEST(Instances, FitTogether) {
  EXPECT_THAT(pool("instances = { min = 3, max = 2 }"),
              ElementsAre("r.toml:4:21: app.x.instances.min: 3 is more than max, 2; max = 3, or \"auto\""));
  EXPECT_THAT(
      pool("instances = { memory_soft = \"2MiB\", memory_hard = \"1MiB\" }"),
      ElementsAre("r.toml:4:29: app.x.instances.memory_soft: \"2MiB\" is more than memory_hard, \"1MiB\"; an "
                  "instance is replaced at the soft limit and killed at the hard one"));
  EXPECT_THAT(
      pool("instances.guaranteed = 3\n[pool]\ninstances = 2"),
      ElementsAre(
          "r.toml:6:13: pool.instances: 2 is less than the 3 that the applications hold: what is guaranteed, "
          "min, or one each; pool.instances = 3 or more, or guarantee less"));
}

TEST(Instances, OfEachApplicationHaveRoom) {
  const std::string two = "[app.y]\ntype = \"fastcgi\"\nprogram = \"hello\"\n[pool]\ninstances = ";
  EXPECT_THAT(pool(two + "2"), ElementsAre("(none)"));
  EXPECT_THAT(
      pool(two + "1"),
      ElementsAre("r.toml:8:13: pool.instances: 1 is less than the 2 that the applications hold: what is "
                  "guaranteed, min, or one each; pool.instances = 2 or more, or guarantee less"));
  EXPECT_THAT(pool(two + "4\n[workers]\nprocesses = 2"), ElementsAre("(none)"));
  EXPECT_THAT(
      pool(two + "3\n[workers]\nprocesses = 2"),
      ElementsAre(
          "r.toml:8:13: pool.instances: 3, 1 in each of 2 worker processes, is less than the 2 that the "
          "applications hold there: what is guaranteed, min, or one each; pool.instances = 4 or more, or "
          "guarantee less"));
}

TEST(Scripts, AreWellFormed) {
  EXPECT_THAT(
      pool("root = \"public\"\nscripts = [\".php\", \"php\"]\nindex = \"a/b\"\nfallback = \"i.php\""),
      ElementsAre("r.toml:5:11: app.x.scripts: \"php\" is not a suffix; such as \".php\"",
                  "r.toml:6:9: app.x.index: \"a/b\" holds a \"/\"; a name in the directory itself",
                  "r.toml:7:12: app.x.fallback: \"i.php\" does not begin with \"/\"; write \"/i.php\": it is "
                  "below root"));
  EXPECT_THAT(
      pool("sendfile_roots = [\"public\", \"none\"]"),
      ElementsAre(
          "r.toml:4:18: app.x.sendfile_roots: the directory \"/site/none\" does not exist; create it, "
          "or correct the path"));
}

TEST(Farm, HasPeers) {
  const App app =
      app_of("[app.x]\ntype = \"fastcgi\"\nmodel = \"remote\"\n",
             "peers = [\"unix:run/php.sock\", \"10.0.0.7:9000 weight=2 concurrency=8\", \"App:9\"]");
  ASSERT_EQ(app.peers.size(), 3U);
  EXPECT_EQ(app.peers[0].path, "/site/run/php.sock");
  EXPECT_EQ(app.peers[1].concurrency, 8U);
  EXPECT_EQ(app.peers[2].kind, Peer::Kind::kName);
  const auto peers = [](std::string_view text) {
    return mistakes(file("[app.x]\ntype = \"scgi\"\n", "peers = [" + std::string(text) + "]"));
  };
  EXPECT_THAT(
      peers("\"a:9\", \"9000\""),
      ElementsAre("r.toml:3:17: app.x.peers: \"9000\": the address is missing; write \"127.0.0.1:9000\""));
  EXPECT_THAT(
      peers("\"a:9\", \"A:9 weight=2\""),
      ElementsAre("r.toml:3:17: app.x.peers: \"a:9\" stands in the list twice; weight=2 gives a peer twice "
                  "the share"));
}

TEST(Farm, HasBalanceAndHealthThatFit) {
  EXPECT_THAT(farm("balance = \"hash\"\nhash_key = \"cookie\""),
              ElementsAre("r.toml:6:12: app.x.hash_key: \"cookie\" is not known; \"path\", \"client\" or "
                          "\"cookie:NAME\""));
  EXPECT_THAT(
      farm("health = { path = \"ok\", back_off = \"2m\" }"),
      ElementsAre("r.toml:5:19: app.x.health.path: \"ok\" does not begin with \"/\"; write \"/ok\"",
                  "r.toml:5:36: app.x.health.back_off: \"2m\" is more than back_off_most, \"1m\"; the first "
                  "wait is the shortest"));
  EXPECT_THAT(
      farm("health.status = 200"),
      ElementsAre("r.toml:5:17: app.x.health.status: nobody answers with a status unless something is asked; "
                  "add path = \"/health\" to it"));
  EXPECT_THAT(
      farm("sticky_cookie = \"a b\""),
      ElementsAre("r.toml:5:17: app.x.sticky_cookie: \"a b\" is not a cookie's name; such as \"session\""));
}

TEST(Show, ReadsBackPoolsAndFarms) {
  const std::string text =
      file(kPool,
           "instances = { max = 4 }\nmultiplex = false\nkeep_connections = \"auto\"\nhealth.path = \"/h\"") +
      "[app.y]\ntype = \"scgi\"\npeers = [\"[::1]:9 weight=3\"]\nsendfile_roots = \"public\"\n"
      "[[route]]\nmethod = \"GET\"\napp = \"y\"\n";
  const std::string first = text.substr(0, text.find("\n[[route]]"));
  const Config config = good(first + text.substr(text.find("[app.y]") - 1) + "[[route]]\napp = \"x\"\n");
  const Config again = good(show(config));
  ASSERT_EQ(again.apps.size(), 2U);
  EXPECT_THAT(warnings(again), ElementsAre());
  EXPECT_THAT(
      warnings(good(file(kFarm, "balance = \"round-robin\"\nsticky_cookie = \"session\""))),
      ElementsAre("r.toml:6:17: warning: app.x.sticky_cookie: means nothing with balance = \"round-robin\"; "
                  "leave balance out, or sticky_cookie"));
  EXPECT_EQ(again.apps[0].instances.max, 4U);
  EXPECT_EQ(again.apps[0].multiplex, Multiplex::kOff);
  EXPECT_EQ(again.apps[0].keep_connections, App::kAsManyAsItTakes);
  EXPECT_EQ(again.apps[0].health.path, "/h");
  EXPECT_EQ(again.apps[1].peers, config.apps[1].peers);
  EXPECT_EQ(again.apps[1].sendfile_roots, config.apps[1].sendfile_roots);
}

TEST(RunDirectory, IsTheServersOwn) {
  const auto of = [](std::string_view name) {
    return run_directory(*read_text("[server]\nrun_directory = \"run\"\n" + std::string(kRoute),
                                    std::string(name), "/site", FakeMachine{}));
  };
  EXPECT_THAT(of("r.toml"), testing::MatchesRegex("/site/run/[0-9a-f]{12}"));
  EXPECT_EQ(of("r.toml"), of("../site/r.toml"));
  EXPECT_NE(of("r.toml"), of("s.toml"));
}

}  // namespace
}  // namespace remuda::config
