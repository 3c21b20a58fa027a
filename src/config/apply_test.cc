// SPDX-License-Identifier: Apache-2.0
//
// Tests of what comes from the command line: a directory without a file, and overrides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fake_machine.h"
#include "config/read.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;

TEST(ForDirectory, ServesFilesAndPrograms) {
  const auto config = for_directory("/site", FakeMachine{});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->routes.size(), 2U);
  EXPECT_EQ(config->routes[0].path, "/cgi-bin/");
  EXPECT_EQ(config->routes[0].action, Action::kApp);
  EXPECT_EQ(config->apps[0].root.text, "/site/cgi-bin");
  EXPECT_EQ(config->apps[0].body, config->limits.body);
  EXPECT_EQ(config->routes[1].files.root.text, "/site");
  EXPECT_EQ(to_string(config->routes[1].origin), "command line");
}

TEST(ForDirectory, WithoutProgramsHasOneRoute) {
  FakeMachine machine;
  machine.directories["/plain"] = Access::kGood;
  const auto config = for_directory("/plain/", machine);
  ASSERT_TRUE(config);
  ASSERT_EQ(config->routes.size(), 1U);
  EXPECT_TRUE(config->apps.empty());
}

std::vector<std::string> texts(const ConfigOrDiagnostics& config) {
  std::vector<std::string> all;
  if (config) return {"(none)"};
  for (const Diagnostic& diagnostic : config.error()) all.push_back(to_string(diagnostic));
  return all;
}

TEST(ForDirectory, SaysWhatIsWrongWithIt) {
  EXPECT_THAT(texts(for_directory("/none", FakeMachine{})),
              ElementsAre("command line: route.files: the directory \"/none\" does not exist; create it, or "
                          "correct the path"));
  EXPECT_THAT(
      texts(for_directory("/site/secret", FakeMachine{})),
      ElementsAre("command line: route.files: this user may not read the directory \"/site/secret\"; see the "
                  "rights on the way to it: namei -l /site/secret"));
}

ConfigOrDiagnostics with(const Overrides& overrides) {
  return apply(*for_directory("/site", FakeMachine{}), overrides, FakeMachine{});
}

TEST(Apply, TakesThePlaceOfWhatWasSaid) {
  const auto config = with(
      {{"workers.threads", "4"}, {"limits.body", "1MiB"}, {"server.dev", "true"}, {"limits.body_rate", "0"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->workers.threads, 4U);
  EXPECT_EQ(config->limits.body, mebibytes(1));
  EXPECT_EQ(config->apps[0].body, mebibytes(1));
  EXPECT_TRUE(config->server.dev);
  EXPECT_EQ(to_string(config->origin_of("workers.threads")), "command line");
}

TEST(Apply, ReplacesAllListenersByTheGivenOnes) {
  const auto base = read_text(
      "[[listener]]\naddress = \"127.0.0.1:1\"\n[[listener]]\naddress = \"127.0.0.1:2\"\nbacklog = "
      "9\n[[route]]\nrespond = 404\n",
      "r.toml", "/site", FakeMachine{});
  ASSERT_TRUE(base);
  const auto config =
      apply(*base,
            {{"listener.address", "[::1]:0"}, {"listener.address", "127.0.0.1:0"}, {"listener.backlog", "7"}},
            FakeMachine{});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->listeners.size(), 2U);
  EXPECT_EQ(to_string(config->listeners[0].address), "[::1]:0");
  EXPECT_EQ(config->listeners[1].backlog, 7U);
  EXPECT_EQ(config->origins.count("listener[1].backlog"), 1U);
  EXPECT_EQ(to_string(config->origin_of("listener[1].backlog")), "command line");
}

TEST(Apply, ChecksTheWholeAgain) {
  const auto config = with({{"workers.start", "per-connection"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->workers.processes, 256U);
  const auto back = apply(*config, {{"workers.start", "ahead"}}, FakeMachine{});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->workers.processes, 1U);
  EXPECT_EQ(back->workers.connections, 20000U);
  EXPECT_THAT(
      texts(with({{"workers.start", "per-connection"}, {"workers.threads", "2"}})),
      ElementsAre(
          "command line: workers.threads: a process for each connection has one event loop; leave it out, or "
          "set start = \"ahead\""));
}

TEST(Apply, SaysMistakes) {
  EXPECT_THAT(
      texts(with({{"listener.address", "8080"},
                  {"workers.theads", "1"},
                  {"workers.threads", "many"},
                  {"route.path", "/"}})),
      ElementsAre(
          "command line: listener.address: \"8080\": the address is missing; write \"127.0.0.1:8080\"",
          "command line: unknown option \"route.path\"; remuda config reference lists all",
          "command line: unknown option \"workers.theads\"; did you mean \"workers.threads\"?",
          "command line: workers.threads: expected an integer, not a string; write the number without "
          "quotes"));
}

}  // namespace
}  // namespace remuda::config
