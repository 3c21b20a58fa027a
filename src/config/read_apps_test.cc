// SPDX-License-Identifier: Apache-2.0
//
// Reading applications: which types and models run, and the exact text of every mistake, line and column
// included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(Apps, RunOnlyWhatThisVersionHas) {
  FakeMachine machine;
  machine.directories["/usr/lib/remuda"] = Access::kGood;
  const auto app = [&machine](std::string_view type, std::string_view model) {
    return mistakes("[app.x]\ntype = \"" + std::string(type) + "\"\nmodel = \"" + std::string(model) +
                        "\"\nprogram = \"hello\"\npeers = \"[::1]:9\"\n[[route]]\napp = \"x\"\n",
                    machine);
  };
  const std::string available =
      "this version runs type \"cgi\" with model \"exec\" and \"fork\", types \"fastcgi\", \"scgi\" and "
      "\"http\" with \"pool\" and \"remote\", types \"wsgi\", \"rack\", \"psgi\" and \"php\" with \"exec\", "
      "\"fork\" and "
      "\"pool\"";
  EXPECT_THAT(app("cgi", "exec"), ElementsAre("(none)"));
  EXPECT_THAT(app("fastcgi", "pool"), ElementsAre("(none)"));
  EXPECT_THAT(app("fastcgi", "remote"), ElementsAre("(none)"));
  EXPECT_THAT(app("scgi", "pool"), ElementsAre("(none)"));
  EXPECT_THAT(app("scgi", "remote"), ElementsAre("(none)"));
  EXPECT_THAT(app("cgi", "fork"), ElementsAre("(none)"));
  EXPECT_THAT(app("http", "pool"), ElementsAre("(none)"));
  EXPECT_THAT(app("http", "remote"), ElementsAre("(none)"));
  EXPECT_THAT(
      app("module", "pool"),
      ElementsAre("r.toml:2:8: app.x.type: \"module\" is not available in this version; " + available));
  EXPECT_THAT(
      app("cgi", "pool"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"cgi\" cannot run under model \"pool\": a CGI program answers "
          "one request and ends; the nearest that works is \"fork\""));
  EXPECT_THAT(
      app("cgi", "remote"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"cgi\" cannot run under model \"remote\": there is no protocol "
          "by which another machine would offer it; the nearest that works is \"fork\""));
  EXPECT_THAT(
      app("wsgi", "embedded"),
      ElementsAre("r.toml:3:9: app.x.model: \"embedded\" is not available in this version; " + available));
  EXPECT_THAT(
      app("fastcgi", "exec"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"fastcgi\" cannot run under model \"exec\": it answers many "
          "requests, and a process for each would not; the nearest that works is \"pool\""));
  EXPECT_THAT(
      app("module", "fork"),
      ElementsAre("r.toml:3:9: app.x.model: type \"module\" cannot run under model \"fork\": it is code "
                  "that is loaded, not a program that is started; the nearest would be \"pool\"; " +
                  available));
  EXPECT_THAT(app("cgy", "exec"),
              ElementsAre("r.toml:2:8: app.x.type: \"cgy\" is not known; did you mean \"cgi\"?"));
}

std::vector<std::string> app_mistakes(std::string_view lines) {
  return mistakes("[app.x]\n" + std::string(lines) + "\n[[route]]\napp = \"x\"\n");
}

TEST(Apps, HaveOneProgramOrOneDirectory) {
  EXPECT_THAT(app_mistakes(""),
              ElementsAre("r.toml:1:1: app.x: has neither root nor program; root = \"DIRECTORY\" of "
                          "programs, or program = \"FILE\" that answers everything"));
  EXPECT_THAT(
      app_mistakes("root = \"cgi-bin\"\nprogram = \"hello\""),
      ElementsAre(
          "r.toml:3:11: app.x: has both root and program; root for a directory of programs, program for "
          "one that answers everything"));
  EXPECT_THAT(
      app_mistakes("program = \"none\""),
      ElementsAre(
          "r.toml:2:11: app.x.program: \"/site/none\" does not exist; install it, or correct the path"));
  EXPECT_THAT(
      app_mistakes("program = \"plain\""),
      ElementsAre("r.toml:2:11: app.x.program: \"/site/plain\" may not be executed; chmod +x /site/plain"));
  EXPECT_THAT(app_mistakes("root = \"file\""),
              ElementsAre("r.toml:2:8: app.x.root: \"/site/file\" is not a directory; name its directory"));
  EXPECT_THAT(app_mistakes("rot = \"cgi-bin\""),
              ElementsAre("r.toml:2:1: app.x: unknown option \"rot\"; did you mean \"root\"?"));
  EXPECT_THAT(
      app_mistakes("root = \"cgi-bin\"\nenvironment = { A = 1 }"),
      ElementsAre("r.toml:3:21: app.x.environment: A: expected a string, not an integer; put it in quotes"));
  EXPECT_THAT(
      app_mistakes("root = \"cgi-bin\"\nuser = \"git\""),
      ElementsAre(
          "r.toml:3:8: app.x.user: only root can become another user; start as root, or leave it out"));
}

TEST(Apps, HoldTheirProcessesToLimits) {
  const Config config = good(
      "[app.x]\nprogram = \"hello\"\numask = \"007\"\nnice = 19\nno_new_privileges = true\n"
      "process_limits = { open_files = 64, processes = 30, address_space = \"1GiB\", file_size = \"1MiB\", "
      "cpu_time = \"90s\", core_dumps = false }\n[[route]]\napp = \"x\"\n");
  const App& app = config.apps.at(0);
  EXPECT_EQ(app.umask, "007");
  EXPECT_EQ(app.nice, 19U);
  EXPECT_TRUE(app.no_new_privileges);
  EXPECT_EQ(app.process_limits.open_files, 64U);
  EXPECT_EQ(app.process_limits.processes, 30U);
  EXPECT_EQ(app.process_limits.address_space, gibibytes(1));
  EXPECT_EQ(app.process_limits.file_size, mebibytes(1));
  EXPECT_EQ(app.process_limits.cpu_time, std::chrono::seconds(90));
  EXPECT_FALSE(app.process_limits.core_dumps);
}

TEST(Apps, LimitsAreWhatAKernelCanHoldThemTo) {
  for (const std::string umask : {"22", "8", "0888", "1000", "-22", "0x22", "u=rw", "00022"}) {
    EXPECT_THAT(app_mistakes("program = \"hello\"\numask = \"" + umask + "\""),
                ElementsAre("r.toml:3:9: app.x.umask: \"" + umask +
                            "\" is not three octal digits; such as \"022\" or \"077\""));
  }
  EXPECT_THAT(
      app_mistakes("program = \"hello\"\nprocess_limits.cpu_time = \"1500ms\""),
      ElementsAre("r.toml:3:27: app.x.process_limits.cpu_time: is not of whole seconds; the kernel counts it "
                  "in seconds; \"1s\" is the least"));
  EXPECT_THAT(app_mistakes("program = \"hello\"\nprocess_limits.open_files = 3"),
              ElementsAre("r.toml:3:29: app.x.process_limits.open_files: 3 are too few for a program to "
                          "start; 10 or more"));
}

TEST(Apps, AreNotPromisedMoreThanTheServerHas) {
  FakeMachine machine;
  machine.highest_limits = {{Resource::kOpenFiles, 4096}};
  const std::string before = "[app.x]\nprogram = \"hello\"\nprocess_limits.open_files = ";
  const std::string after = "\n[[route]]\napp = \"x\"\n";
  EXPECT_THAT(mistakes(before + "4096" + after, machine), ElementsAre("(none)"));
  EXPECT_THAT(mistakes(before + "4097" + after, machine),
              ElementsAre("r.toml:3:29: app.x.process_limits.open_files: is above 4096, which the server "
                          "itself is held to; start the server with a higher limit (ulimit -H, LimitNOFILE= "
                          "and the like of systemd.exec(5)), or ask for less"));
}

TEST(Apps, LimitsThatCannotBeSharedOutAreWarnedOf) {
  const auto warnings = [](std::string_view lines, std::string_view workers) {
    const Config config = good("[app.x]\n" + std::string(lines) + "\n[[route]]\napp = \"x\"\n[workers]\n" +
                               std::string(workers) + "\n");
    std::vector<std::string> texts;
    for (const Diagnostic& warning : config.warnings) texts.push_back(to_string(warning));
    return texts;
  };
  const std::string farm =
      "type = \"fastcgi\"\nmodel = \"remote\"\nconcurrency = 2\npeers = \"[::1]:9 concurrency=1\"";
  EXPECT_THAT(warnings(farm, "processes = 1"), ElementsAre());
  EXPECT_THAT(warnings(farm, "processes = 2"),
              ElementsAre("r.toml:5:9: warning: app.x.peers: concurrency of [::1]:9: 1 cannot be shared by 2 "
                          "worker processes: each has one at least; 2 or more, or fewer workers.processes"));
  EXPECT_THAT(warnings(farm, "processes = 3"), SizeIs(2));
}

TEST(Apps, UnusedIsAWarning) {
  const Config config = good("[app.x]\nprogram = \"hello\"\n" + std::string(kRoute));
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(to_string(config.warnings[0]),
            "r.toml:1:1: warning: app.x: no route refers to it; add [[route]] with app = \"x\"");
}

}  // namespace
}  // namespace remuda::config
