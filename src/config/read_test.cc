// SPDX-License-Identifier: Apache-2.0
//
// Tests of reading: what a good file becomes, and the exact text of every kind of mistake, line and column
// included.
#include "config/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fake_machine.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

Config good(std::string_view text, const Machine& machine = FakeMachine{}) {
  auto config = read_text(text, "r.toml", "/site", machine);
  if (config) return *config;
  for (const Diagnostic& diagnostic : config.error()) ADD_FAILURE() << to_string(diagnostic);
  return {};
}

std::vector<std::string> mistakes(std::string_view text, const Machine& machine = FakeMachine{}) {
  std::vector<std::string> texts;
  const auto config = read_text(text, "r.toml", "/site", machine);
  if (config) return {"(none)"};
  for (const Diagnostic& diagnostic : config.error()) texts.push_back(to_string(diagnostic));
  return texts;
}

constexpr std::string_view kRoute = "[[route]]\nfiles = \"public\"\n";

std::vector<std::string> mistakes_before_route(std::string_view text,
                                               const Machine& machine = FakeMachine{}) {
  return mistakes(std::string(text) + "\n" + std::string(kRoute), machine);
}

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
                  "\"dev\", \"pid_file\", \"error_pages\""));
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

TEST(Listeners, AreDistinctAndWellFormed) {
  EXPECT_THAT(mistakes_before_route(
                  "[[listener]]\naddress = \"127.0.0.1:80\"\n[[listener]]\naddress = \"localhost:80\""),
              ElementsAre("r.toml:4:11: listener.address: \"127.0.0.1:80\" stands twice; first at r.toml:1"));
  EXPECT_THAT(mistakes_before_route("[[listener]]\nbacklog = 5"),
              ElementsAre("r.toml:1:1: listener: address is missing; such as address = \"127.0.0.1:8080\""));
  EXPECT_THAT(
      mistakes_before_route("[[listener]]\naddress = \"8080\""),
      ElementsAre(
          "r.toml:2:11: listener.address: \"8080\": the address is missing; write \"127.0.0.1:8080\""));
}

TEST(Users, NeedRootAndExist) {
  EXPECT_THAT(
      mistakes_before_route("[server]\nuser = \"www-data\""),
      ElementsAre(
          "r.toml:2:8: server.user: only root can become another user; start as root, or leave it out"));
  EXPECT_THAT(
      mistakes_before_route("[server]\ngroup = \"www-data\""),
      ElementsAre(
          "r.toml:2:9: server.group: only root can become another user; start as root, or leave it out"));
  FakeMachine root;
  root.root = true;
  EXPECT_THAT(
      mistakes_before_route("[server]\nuser = \"nobdy\"\ngroup = \"nogrp\"", root),
      ElementsAre(
          "r.toml:2:8: server.user: there is no user \"nobdy\"; create it: adduser --system --group nobdy",
          "r.toml:3:9: server.group: there is no group \"nogrp\"; create it: addgroup --system nogrp"));
  const Config config = good("[server]\nuser = \"git\"\ngroup = \"staff\"\n" + std::string(kRoute), root);
  EXPECT_EQ(config.server.identity, (Identity{110, 50}));
}

TEST(Users, RootWithoutUserIsAWarning) {
  FakeMachine root;
  root.root = true;
  const Config config = good(kRoute, root);
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(to_string(config.warnings[0]),
            "r.toml: warning: started as root, and so are workers and applications; "
            "set server.user, for instance to \"www-data\"");
}

TEST(Apps, RunOnlyWhatThisVersionHas) {
  const auto app = [](std::string_view type, std::string_view model) {
    return mistakes("[app.x]\ntype = \"" + std::string(type) + "\"\nmodel = \"" + std::string(model) +
                    "\"\nprogram = \"hello\"\n[[route]]\napp = \"x\"\n");
  };
  EXPECT_THAT(app("cgi", "exec"), ElementsAre("(none)"));
  EXPECT_THAT(app("cgi", "fork"),
              ElementsAre("r.toml:3:9: app.x.model: \"fork\" is not available in this version; this "
                          "version runs type \"cgi\" with model \"exec\""));
  EXPECT_THAT(
      app("cgi", "pool"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"cgi\" cannot run under model \"pool\": a CGI program answers "
          "one request and ends; the nearest that works is \"exec\""));
  EXPECT_THAT(
      app("cgi", "remote"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"cgi\" cannot run under model \"remote\": there is no protocol "
          "by which another machine would offer it; the nearest that works is \"exec\""));
  EXPECT_THAT(app("wsgi", "pool"),
              ElementsAre("r.toml:2:8: app.x.type: \"wsgi\" is not available in this version; this "
                          "version runs type \"cgi\" with model \"exec\""));
  EXPECT_THAT(
      app("fastcgi", "exec"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"fastcgi\" cannot run under model \"exec\": it answers many "
          "requests, and a process for each would not; the nearest would be \"pool\"; this version runs "
          "type \"cgi\" with model \"exec\""));
  EXPECT_THAT(
      app("module", "fork"),
      ElementsAre(
          "r.toml:3:9: app.x.model: type \"module\" cannot run under model \"fork\": it is code that is "
          "loaded, not a program that is started; the nearest would be \"pool\"; this version runs type "
          "\"cgi\" with model \"exec\""));
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

TEST(Apps, UnusedIsAWarning) {
  const Config config = good("[app.x]\nprogram = \"hello\"\n" + std::string(kRoute));
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(to_string(config.warnings[0]),
            "r.toml:1:1: warning: app.x: no route refers to it; add [[route]] with app = \"x\"");
}

std::vector<std::string> route_mistakes(std::string_view lines) {
  return mistakes("[[route]]\n" + std::string(lines));
}

TEST(Routes, HaveExactlyOneAction) {
  EXPECT_THAT(
      route_mistakes("path = \"/\""),
      ElementsAre("r.toml:1:1: route: has no action; one of \"app\", \"files\", \"redirect\", \"respond\""));
  EXPECT_THAT(
      route_mistakes("files = \"public\"\nrespond = 404"),
      ElementsAre("r.toml:3:11: route: has more than one action: \"files\", \"respond\"; keep one, and write "
                  "another [[route]] for the other"));
  EXPECT_THAT(route_mistakes("file = \"public\""),
              ElementsAre("r.toml:2:1: route: unknown option \"file\"; did you mean \"files\"?"));
  EXPECT_THAT(route_mistakes("respond = 100"),
              ElementsAre("r.toml:2:11: route.respond: 100 is out of range; from 200 to 599"));
}

TEST(Routes, OptionsBelongToTheirAction) {
  EXPECT_THAT(
      route_mistakes("respond = 404\nlisting = \"html\"\nstatus = 301"),
      ElementsAre("r.toml:3:11: route.listing: means nothing in a route without files; leave it out",
                  "r.toml:4:10: route.status: means nothing in a route without redirect; leave it out"));
}

TEST(Routes, ReferToAnApplication) {
  const std::string app = "[app.git]\nprogram = \"hello\"\n[[route]]\n";
  EXPECT_THAT(mistakes(app + "app = \"gti\""),
              ElementsAre("r.toml:4:7: route.app: there is no application \"gti\"; did you mean \"git\"?"));
  EXPECT_THAT(mistakes(app + "app = \"wiki\""),
              ElementsAre("r.toml:4:7: route.app: there is no application \"wiki\"; add [app.wiki]"));
}

TEST(Routes, NameADirectoryThatCanBeRead) {
  EXPECT_THAT(route_mistakes("files = \"file\""),
              ElementsAre("r.toml:2:9: route.files: \"/site/file\" is not a directory; name its directory"));
  EXPECT_THAT(
      route_mistakes("files = \"secret\""),
      ElementsAre(
          "r.toml:2:9: route.files: this user may not read the directory \"/site/secret\"; see the rights "
          "on the way to it: namei -l /site/secret"));
  FakeMachine root;
  root.root = true;
  EXPECT_THAT(
      mistakes("[server]\nuser = \"www-data\"\n[[route]]\nfiles = \"secret\"", root),
      ElementsAre(
          "r.toml:4:9: route.files: the user \"www-data\" may not read the directory \"/site/secret\"; see "
          "the rights on the way to it: namei -l /site/secret"));
}

TEST(Routes, HaveHostsThatCanMatch) {
  const auto host = [](const std::string& text) {
    return route_mistakes("host = \"" + text + "\"\nrespond = 404");
  };
  EXPECT_THAT(host("example.org:80"),
              ElementsAre("r.toml:2:8: route.host: \"example.org:80\" holds a port; the port is "
                          "the listener's; write the name alone"));
  EXPECT_THAT(host("http://a"),
              ElementsAre("r.toml:2:8: route.host: \"http://a\" is a URL or a path; the host's name alone"));
  EXPECT_THAT(host("a.*.org"),
              ElementsAre("r.toml:2:8: route.host: \"a.*.org\" has \"*\" in the wrong place; "
                          "\"*.example.org\" is every name below example.org"));
  EXPECT_THAT(host("bücher.de"),
              ElementsAre("r.toml:2:8: route.host: \"bücher.de\" is not ASCII; write the form that "
                          "begins with \"xn--\""));
  EXPECT_THAT(host("a b"),
              ElementsAre("r.toml:2:8: route.host: \"a b\" is not a host name; such as \"example.org\""));
  EXPECT_THAT(host("*.Example.org"), ElementsAre("(none)"));
  EXPECT_THAT(host("[::1]"), ElementsAre("(none)"));
}

TEST(Routes, HavePathsThatCanMatch) {
  const auto path = [](const std::string& text) {
    return route_mistakes("path = \"" + text + "\"\nrespond = 404");
  };
  EXPECT_THAT(path("a"),
              ElementsAre("r.toml:2:8: route.path: \"a\" does not begin with \"/\"; write \"/a\""));
  EXPECT_THAT(path("=a"),
              ElementsAre("r.toml:2:8: route.path: \"=a\" does not begin with \"/\"; write \"=/a\""));
  EXPECT_THAT(
      path("=/a*"),
      ElementsAre("r.toml:2:8: route.path: \"=/a*\" is exact and has a \"*\"; leave out one of them"));
  EXPECT_THAT(
      path("/a?b"),
      ElementsAre("r.toml:2:8: route.path: \"/a?b\" holds a query or fragment; routes go by the path alone"));
  EXPECT_THAT(path("/a%20b"),
              ElementsAre("r.toml:2:8: route.path: \"/a%20b\" is percent-encoded; write the decoded path"));
  EXPECT_THAT(path("/a//b"),
              ElementsAre("r.toml:2:8: route.path: \"/a//b\" holds an empty segment; write one \"/\""));
  EXPECT_THAT(
      path("/a/../b"),
      ElementsAre("r.toml:2:8: route.path: \"/a/../b\" holds a dot segment; requests come without them"));
  EXPECT_THAT(path("*.php"), ElementsAre("(none)"));
}

TEST(Routes, HaveMethodsThatCanMatch) {
  const auto method = [](const std::string& text) {
    return route_mistakes("method = \"" + text + "\"\nrespond = 404");
  };
  EXPECT_THAT(method("get"),
              ElementsAre("r.toml:2:10: route.method: \"get\" would never match: methods tell case apart; "
                          "did you mean \"GET\"?"));
  EXPECT_THAT(method("GET POST"),
              ElementsAre("r.toml:2:10: route.method: \"GET POST\" is not a method; such as \"GET\""));
  EXPECT_THAT(method("PROPFIND"), ElementsAre("(none)"));
}

TEST(Routes, FileAndRedirectOptionsAreWellFormed) {
  EXPECT_THAT(
      route_mistakes("files = \"public\"\nindex = \"a/b\"\nfallback = \"index.html\"\ncache_control = \"é\""),
      ElementsAre(
          "r.toml:3:9: route.index: \"a/b\" holds a \"/\"; a name in the directory itself",
          "r.toml:4:12: route.fallback: \"index.html\" does not begin with \"/\"; write \"/index.html\": it "
          "is below the route's directory",
          "r.toml:5:17: route.cache_control: is not ASCII; such as \"max-age=3600\""));
  EXPECT_THAT(route_mistakes("redirect = \"/a b\""),
              ElementsAre("r.toml:2:12: route.redirect: \"/a b\" is not a URL; percent-encode spaces and "
                          "letters that are not ASCII"));
  EXPECT_THAT(route_mistakes("redirect = \"example.org\""),
              ElementsAre("r.toml:2:12: route.redirect: \"example.org\" is not a URL or absolute path; write "
                          "\"https://example.org\" or \"/example.org\""));
}

TEST(Routes, CanBeReached) {
  const auto two = [](std::string_view first, std::string_view second) {
    return mistakes("[[route]]\nrespond = 404\n" + std::string(first) + "\n[[route]]\nrespond = 410\n" +
                    std::string(second));
  };
  const auto unreached = ElementsAre(
      "r.toml:4:1: route: is never reached: the route at r.toml:1 matches everything that "
      "it would; put it before that one");
  EXPECT_THAT(two("", ""), unreached);
  EXPECT_THAT(two("path = \"/a/\"", "path = \"/a/b/\""), unreached);
  EXPECT_THAT(two("host = \"*.a.org\"", "host = [\"x.a.org\", \"*.y.a.org\"]"), unreached);
  EXPECT_THAT(two("method = \"GET\"", "method = \"HEAD\""), unreached);
  EXPECT_THAT(two("path = \"/a/b/\"", "path = \"/a/\""), ElementsAre("(none)"));
  EXPECT_THAT(two("host = \"a.org\"", ""), ElementsAre("(none)"));
  EXPECT_THAT(two("host = \"a.org\"", "host = [\"a.org\", \"b.org\"]"), ElementsAre("(none)"));
  EXPECT_THAT(two("method = \"GET\"", ""), ElementsAre("(none)"));
}

TEST(Routes, NoneIsAWarning) {
  const Config config = good("");
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(
      to_string(config.warnings[0]),
      "r.toml: warning: there is no route: every request gets 404; add [[route]] with files = \"DIRECTORY\"");
}

TEST(Logs, OfRequestsDoNotGoToSyslog) {
  EXPECT_THAT(mistakes_before_route("[log]\nerror = \"syslog\"\naccess = \"syslog\""),
              ElementsAre("r.toml:3:10: log.access: requests are not logged to syslog; \"stdout\", "
                          "\"stderr\", \"off\" or a file"));
}

TEST(Logs, NeedTheirDirectory) {
  EXPECT_THAT(
      mistakes_before_route(
          "[log]\naccess = \"/nowhere/a.log\"\nerror = \"x/e.log\"\n[server]\npid_file = \"/none/p\""),
      ElementsAre("r.toml:2:10: log.access: the directory \"/nowhere\" does not exist; create it",
                  "r.toml:3:9: log.error: the directory \"/site/x\" does not exist; create it",
                  "r.toml:5:12: server.pid_file: the directory \"/none\" does not exist; create it"));
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
