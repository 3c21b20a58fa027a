// SPDX-License-Identifier: Apache-2.0
//
// Reading a file as a whole: what a good one becomes, and the exact text of the mistakes that every table can
// have: syntax, names, shapes, types, ranges. Line and column included.
#include "config/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

TEST(Read, FillsEveryTable) {
  FakeMachine machine;
  machine.root = true;
  const Config config = good(R"(
[server]
user = "www-data"
grace = "1m"
[workers]
processes = 2
threads = 3
[[listener]]
address = "[::1]:8080"
backlog = 10
[[listener]]
address = "unix:run.sock"
[timeouts]
idle = "5s"
[limits]
body = 100
[log]
access = "/run/access.log"
access_format = "json"
error = "off"
[app.git]
program = "hello"
environment = { B = "2", A = "1" }
time_limit = "10m"
[[route]]
host = "Example.ORG."
path = "/git/"
method = ["GET", "POST"]
app = "git"
[[route]]
path = "=/"
redirect = "/x"
status = 308
[[route]]
files = "public"
index = []
listing = "json"
)",
                             machine);
  EXPECT_EQ(config.server.identity, (Identity{33, 33}));
  EXPECT_EQ(config.server.grace, 1min);
  EXPECT_EQ(config.workers.processes, 2U);
  EXPECT_EQ(config.workers.effective_threads(), 3U);
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(to_string(config.listeners[0].address), "[::1]:8080");
  EXPECT_EQ(config.listeners[0].backlog, 10U);
  EXPECT_EQ(to_string(config.listeners[1].address), "unix:/site/run.sock");
  EXPECT_EQ(config.timeouts.idle, 5s);
  EXPECT_EQ(config.limits.body, Bytes{100});
  EXPECT_EQ(config.log.access, (LogTarget{LogTarget::Kind::kFile, "/run/access.log"}));
  EXPECT_EQ(config.log.access_format, AccessFormat::kJson);
  EXPECT_EQ(config.log.error.kind, LogTarget::Kind::kOff);
  ASSERT_EQ(config.apps.size(), 1U);
  EXPECT_EQ(config.apps[0].program.text, "/site/hello");
  EXPECT_THAT(config.apps[0].environment, ElementsAre(std::pair("A", "1"), std::pair("B", "2")));
  EXPECT_EQ(config.apps[0].body, Bytes{100});
  EXPECT_EQ(to_string(config.apps[0].origin), "r.toml:21");
  ASSERT_EQ(config.routes.size(), 3U);
  EXPECT_THAT(config.routes[0].host, ElementsAre("example.org"));
  EXPECT_EQ(config.routes[0].action, Action::kApp);
  EXPECT_EQ(config.routes[0].app_index, 0U);
  EXPECT_EQ(to_string(config.routes[0].origin), "r.toml:25");
  EXPECT_EQ(config.routes[2].action, Action::kFiles);
  EXPECT_EQ(config.routes[2].files.root.text, "/site/public");
  EXPECT_TRUE(config.routes[2].files.index.empty());
  EXPECT_EQ(config.routes[1].redirect.status, 308U);
}

TEST(Read, DefaultsStandWhereNothingWasSaid) {
  const Config config = good(kRoute);
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(to_string(config.listeners[0].address), "127.0.0.1:8080");
  EXPECT_EQ(config.workers.connections, 20000U);
  EXPECT_GE(config.workers.effective_threads(), 1U);
  EXPECT_TRUE(config.warnings.empty());
  EXPECT_EQ(to_string(config.origin_of("limits.body")), "default");
  EXPECT_EQ(to_string(config.origin_of("route[0].files")), "r.toml:2");
}

TEST(Read, PerConnectionHasItsOwnNumbers) {
  const Config config = good("[workers]\nstart = \"per-connection\"\n" + std::string(kRoute));
  EXPECT_EQ(config.workers.processes, 256U);
  EXPECT_EQ(config.workers.connections, 1U);
  EXPECT_EQ(config.workers.effective_threads(), 1U);
  EXPECT_THAT(
      mistakes_before_route("[workers]\nstart = \"per-connection\"\nthreads = 2\nconnections = 5"),
      ElementsAre("r.toml:3:11: workers.threads: a process for each connection has one event loop; leave it "
                  "out, or set start = \"ahead\"",
                  "r.toml:4:15: workers.connections: a process for each connection has one connection; leave "
                  "it out, or set start = \"ahead\"; processes is the most at once"));
}

TEST(Read, SaysAllMistakesAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      mistakes("[limits]\nbdy = 1\nfields_count = 1\n[[route]]\nfiles = \"none\"\n"),
      ElementsAre(
          "r.toml:2:1: limits: unknown option \"bdy\"; did you mean \"body\"?",
          "r.toml:3:16: limits.fields_count: 1 is out of range; from 8 to 10000",
          "r.toml:5:9: route.files: the directory \"/site/none\" does not exist; create it, or correct "
          "the path"));
}

TEST(Syntax, IsOneMistakeWithItsPlace) {
  EXPECT_THAT(
      mistakes("[limits]\nbody = 30s\n"),
      ElementsAre("r.toml:2:10: not TOML: decimal integer: expected digit, saw 's'; put the value in quotes: "
                  "body = \"30s\""));
  EXPECT_THAT(mistakes("[log]\nlevel = info\n"),
              ElementsAre(testing::EndsWith("; put the value in quotes: level = \"info\"")));
  EXPECT_THAT(mistakes("[app.x]\n[app.x]\n"),
              ElementsAre("r.toml:2:1: not TOML: table header: cannot redefine existing table 'app.x'; each "
                          "name stands once"));
  EXPECT_THAT(mistakes("a = [1,\n"), ElementsAre("r.toml:1:9: not TOML: array: encountered end-of-file"));
}

TEST(Names, AreSuggested) {
  EXPECT_THAT(mistakes("[timeout]\nidle = \"1s\"\n" + std::string(kRoute)),
              ElementsAre("r.toml:1:2: unknown table \"timeout\"; did you mean [timeouts]?"));
  EXPECT_THAT(mistakes("[[routes]]\npath = \"/\"\n"),
              ElementsAre("r.toml:1:3: unknown table \"routes\"; did you mean [[route]]?"));
  EXPECT_THAT(mistakes("threads = 2\n" + std::string(kRoute)),
              ElementsAre("r.toml:1:1: unknown option \"threads\"; \"threads\" belongs in [workers]"));
  EXPECT_THAT(
      mistakes_before_route("[server]\nthreads = 2"),
      ElementsAre("r.toml:2:1: server: unknown option \"threads\"; \"threads\" belongs in [workers]"));
  EXPECT_THAT(
      mistakes_before_route("[server]\nelephant = 2"),
      ElementsAre("r.toml:2:1: server: unknown option \"elephant\"; one of \"user\", \"group\", \"grace\", "
                  "\"dev\", \"pid_file\", \"error_pages\", \"run_directory\", \"loaders\""));
}

TEST(Tables, HaveTheirShape) {
  EXPECT_THAT(mistakes("[route]\nfiles = \"public\"\n"),
              ElementsAre("r.toml:1:2: route: there may be several; write [[route]]"));
  EXPECT_THAT(mistakes("route = [1]\n"),
              ElementsAre("r.toml:1:10: route: expected a table, not an integer; write [[route]]"));
  EXPECT_THAT(mistakes_before_route("[[limits]]\nbody = 1"),
              ElementsAre("r.toml:1:3: limits: expected one table; write [limits]"));
  EXPECT_THAT(
      mistakes_before_route("[app]\nprogram = \"hello\""),
      ElementsAre(
          "r.toml:2:1: app.program: expected a table, not a string; the header needs a name: [app.NAME]"));
  EXPECT_THAT(mistakes_before_route("[app.\"a b\"]\nprogram = \"hello\""),
              ElementsAre("r.toml:1:6: app: \"a b\" is not a name; letters, digits, \"_\" and \"-\""));
}

TEST(Types, AreSaidWithAnExample) {
  EXPECT_THAT(
      mistakes_before_route("[server]\ngrace = 30\ndev = \"true\""),
      ElementsAre(
          "r.toml:2:9: server.grace: expected a duration such as \"30s\", not an integer; write \"30s\"",
          "r.toml:3:7: server.dev: expected true or false, not a string; write true or false without "
          "quotes"));
  EXPECT_THAT(
      mistakes_before_route("[workers]\nthreads = \"2\"\nprocesses = 1.5"),
      ElementsAre(
          "r.toml:2:11: workers.threads: expected an integer, not a string; write the number without quotes",
          "r.toml:3:13: workers.processes: expected an integer, not a fraction"));
  EXPECT_THAT(
      mistakes_before_route("[limits]\nbody = true\nfields_total = \"8k\"\nrequest_line = \"big\""),
      ElementsAre(
          "r.toml:2:8: limits.body: expected a size such as \"8KiB\", not true or false",
          "r.toml:3:16: limits.fields_total: \"8k\" is not a size; write \"8KiB\"",
          "r.toml:4:16: limits.request_line: \"big\" is not a size; a number and a unit (B, KiB, MiB, "
          "GiB, TiB), such as \"8KiB\""));
  EXPECT_THAT(
      mistakes_before_route("[timeouts]\nidle = \"soon\""),
      ElementsAre(
          "r.toml:2:8: timeouts.idle: \"soon\" is not a duration; a number and a unit (ms, s, m, h, d), "
          "such as \"30s\""));
  EXPECT_THAT(
      mistakes_before_route("[log]\naccess_format = \"jsn\"\nlevel = 3\naccess = true"),
      ElementsAre(
          "r.toml:2:17: log.access_format: \"jsn\" is not known; did you mean \"json\"?",
          "r.toml:3:9: log.level: expected a word in quotes, not an integer; one of \"debug\", \"info\", "
          "\"warning\", \"error\"",
          "r.toml:4:10: log.access: expected \"stdout\", \"stderr\", \"off\" or a path in quotes, not "
          "true or false"));
  EXPECT_THAT(mistakes("[[route]]\nfiles = [\"public\"]\nmethod = [\"GET\", 1]\nhost = [\"a\", \"a\"]"),
              ElementsAre("r.toml:2:9: route.files: expected a path in quotes, not a list",
                          "r.toml:3:18: route.method: expected a string or a list of strings, not an integer",
                          "r.toml:4:14: route.host: \"a\" stands in the list twice; leave one out"));
}

TEST(Ranges, AreSaid) {
  EXPECT_THAT(mistakes_before_route("[timeouts]\nidle = \"2d\"\nhead = \"1ms\""),
              ElementsAre("r.toml:2:8: timeouts.idle: \"2d\" is out of range; from \"10ms\" to \"1d\"",
                          "r.toml:3:8: timeouts.head: \"1ms\" is out of range; from \"10ms\" to \"1d\""));
  EXPECT_THAT(mistakes_before_route("[workers]\nprocesses = 0\nthreads = -1"),
              ElementsAre("r.toml:2:13: workers.processes: 0 is out of range; from 1 to 65536",
                          "r.toml:3:11: workers.threads: -1 is out of range; from 0 to 1024"));
  EXPECT_THAT(
      mistakes_before_route("[limits]\nrequest_line = \"1GiB\""),
      ElementsAre("r.toml:2:16: limits.request_line: \"1GiB\" is out of range; from \"512B\" to \"1MiB\""));
  EXPECT_THAT(mistakes("[[route]]\nredirect = \"/\"\nstatus = 300"),
              ElementsAre("r.toml:3:10: route.status: 300 is not allowed; one of 301, 302, 303, 307, 308"));
}

TEST(Text, CarriesNoControlCharacters) {
  EXPECT_THAT(
      mistakes("[[route]]\nredirect = \"/a\\r\\nX: y\""),
      ElementsAre(
          "r.toml:2:12: route.redirect: the text holds a control character; line ends, tabs and NUL are "
          "not allowed here"));
  EXPECT_THAT(mistakes_before_route("[server]\npid_file = \"\""),
              ElementsAre("r.toml:2:12: server.pid_file: the path is empty; \".\" is the directory of the "
                          "configuration file"));
}

TEST(File, ThatCannotBeReadIsSaid) {
  const auto missing = read_file("/nowhere/r.toml", FakeMachine{});
  ASSERT_FALSE(missing);
  EXPECT_EQ(to_string(missing.error()[0]),
            "/nowhere/r.toml: the configuration cannot be read: No such file or directory; name another with "
            "-c, or serve "
            "a directory: remuda serve DIR");
  const auto directory = read_file("/", FakeMachine{});
  ASSERT_FALSE(directory);
  EXPECT_THAT(to_string(directory.error()[0]),
              testing::StartsWith("/: the configuration cannot be read: Is a directory"));
}

}  // namespace
}  // namespace remuda::config
