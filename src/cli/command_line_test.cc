// SPDX-License-Identifier: Apache-2.0
//
// Tests of the program as a person meets it: arguments in, text and exit code out. The server itself is a
// stand-in.
#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace remuda::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Outcome {
  int code = -1;
  std::string results;
  std::string mistakes;
  int served = 0;
  config::Config config;
  Entry entry = Entry::kSupervisor;
};

class CommandLine : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "remuda_cli_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(directory_);
    std::filesystem::create_directories("site/cgi-bin");
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(directory_);
  }

  void write(const std::string& name, std::string_view text) { std::ofstream(name) << text; }

  Outcome run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "remuda");
    Outcome outcome;
    char* results = nullptr;
    char* mistakes = nullptr;
    size_t results_size = 0;
    size_t mistakes_size = 0;
    std::FILE* results_file = ::open_memstream(&results, &results_size);
    std::FILE* mistakes_file = ::open_memstream(&mistakes, &mistakes_size);
    const Serve serve = [&outcome](const config::Config& config, Entry entry) {
      ++outcome.served;
      outcome.config = config;
      outcome.entry = entry;
      return 0;
    };
    outcome.code = cli::run(static_cast<int>(arguments.size()), arguments.data(), serve,
                            Terminal(results_file, mistakes_file));
    std::fclose(results_file);
    std::fclose(mistakes_file);
    outcome.results.assign(results, results_size);
    outcome.mistakes.assign(mistakes, mistakes_size);
    ::free(results);
    ::free(mistakes);
    return outcome;
  }

  std::string directory_;
  std::filesystem::path before_;
};

constexpr std::string_view kFile = R"([[listener]]
address = "127.0.0.1:8850"
[app.scripts]
root = "site/cgi-bin"
time_limit = "9s"
[[route]]
host = "example.org"
path = "/old/"
redirect = "/new/"
[[route]]
path = "/run/"
method = ["GET", "POST"]
app = "scripts"
[[route]]
path = "/docs/"
files = "site"
)";

TEST_F(CommandLine, ServesADirectory) {
  const Outcome outcome = run({"serve", "site", "--listen", "127.0.0.1:8851", "-l", "[::1]:8852",
                               "--processes", "2", "--threads", "3", "--connections", "4", "--dev"});
  ASSERT_EQ(outcome.served, 1) << outcome.mistakes;
  EXPECT_EQ(outcome.code, 0);
  ASSERT_EQ(outcome.config.listeners.size(), 2U);
  EXPECT_EQ(to_string(outcome.config.listeners[1].address), "[::1]:8852");
  EXPECT_EQ(outcome.config.workers.processes, 2U);
  EXPECT_EQ(outcome.config.workers.threads, 3U);
  EXPECT_EQ(outcome.config.workers.connections, 4U);
  EXPECT_TRUE(outcome.config.server.dev);
  EXPECT_EQ(outcome.config.apps[0].root.text, directory_ + "/site/cgi-bin");
}

TEST_F(CommandLine, ServesAFileWithOverrides) {
  write("r.toml", kFile);
  const Outcome outcome =
      run({"serve", "-c", "r.toml", "--set", "timeouts.idle=5s", "--start", "per-connection"});
  ASSERT_EQ(outcome.served, 1) << outcome.mistakes;
  EXPECT_EQ(outcome.config.timeouts.idle, std::chrono::seconds(5));
  EXPECT_EQ(outcome.config.workers.start, config::Start::kPerConnection);
  EXPECT_EQ(outcome.config.routes.size(), 3U);
}

TEST_F(CommandLine, WithoutArgumentsServesTheUsualFileOrThisDirectory) {
  const Outcome directory = run({"serve"});
  ASSERT_EQ(directory.served, 1);
  EXPECT_EQ(directory.config.routes.back().files.root.text, directory_);
  write("remuda.toml", kFile);
  const Outcome file = run({"serve"});
  ASSERT_EQ(file.served, 1);
  EXPECT_EQ(file.config.file, "remuda.toml");
}

TEST_F(CommandLine, PrintsWhatItWouldServe) {
  const Outcome outcome = run({"serve", "site", "--print-config", "--listen", "127.0.0.1:8851"});
  EXPECT_EQ(outcome.served, 0);
  EXPECT_EQ(outcome.code, 0) << outcome.mistakes;
  write("printed.toml", outcome.results);
  const Outcome again = run({"serve", "-c", "printed.toml"});
  ASSERT_EQ(again.served, 1) << again.mistakes << outcome.results;
  EXPECT_EQ(again.config.apps.at(0).root.text, directory_ + "/site/cgi-bin");
  EXPECT_EQ(to_string(again.config.listeners.at(0).address), "127.0.0.1:8851");
}

TEST_F(CommandLine, InetdKeepsLogsOffTheClient) {
  const Outcome outcome = run({"serve", "site", "--inetd"});
  ASSERT_EQ(outcome.served, 1);
  EXPECT_EQ(outcome.entry, Entry::kInetd);
  EXPECT_EQ(outcome.config.log.access.kind, config::LogTarget::Kind::kOff);
  EXPECT_EQ(run({"serve", "site", "--inetd", "--listen", "127.0.0.1:1"}).code, 2);
}

TEST_F(CommandLine, MistakesAreOneClearLineAndExitCode2) {
  const auto mistake = [this](std::vector<const char*> arguments) {
    const Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.served, 0);
    EXPECT_EQ(outcome.results, "");
    return outcome.mistakes;
  };
  EXPECT_EQ(mistake({"serv"}), "remuda: unknown command serv; did you mean serve? see remuda --help\n");
  EXPECT_EQ(mistake({"serve", "--lisen", "x"}),
            "remuda serve: unknown option --lisen; did you mean --listen? see remuda serve --help\n");
  EXPECT_EQ(mistake({"serve", "a", "b"}), "remuda serve: unexpected argument b; see remuda serve --help\n");
  EXPECT_EQ(mistake({"explain"}), "remuda explain: URL is required; see remuda explain --help\n");
  EXPECT_EQ(mistake({"config", "referense"}),
            "remuda config: unknown command referense; did you mean reference? see remuda config --help\n");
  EXPECT_EQ(mistake({"check", "-c", "a", "b"}),
            "remuda check: --config excludes DIR; see remuda check --help\n");
  EXPECT_THAT(mistake({}), HasSubstr("Examples:\n"));
}

TEST_F(CommandLine, BadValuesAndMissingThingsAreExitCode1) {
  const auto mistake = [this](std::vector<const char*> arguments) {
    const Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.served, 0);
    return outcome.mistakes;
  };
  EXPECT_EQ(
      mistake({"serve", "site", "--threads", "many"}),
      "command line: workers.threads: expected an integer, not a string; write the number without quotes\n");
  EXPECT_EQ(mistake({"serve", "none"}), "command line: route.files: the directory \"" + directory_ +
                                            "/none\" does not exist; create it, or correct the path\n");
  EXPECT_EQ(mistake({"serve", "-c", "none.toml"}),
            "none.toml: the configuration cannot be read: No such file or directory; name another with -c, "
            "or serve a "
            "directory: remuda serve DIR\n");
}

TEST_F(CommandLine, CheckSaysAllOrGood) {
  write("r.toml", kFile);
  const Outcome good = run({"check", "-c", "r.toml"});
  EXPECT_EQ(good.code, 0);
  EXPECT_EQ(good.results, "r.toml is good: 1 listener, 3 routes, 1 application\n");
  write("bad.toml", "[limits]\nbdy = 1\n[[route]]\npath = \"/\"\n");
  const Outcome bad = run({"check", "-c", "bad.toml"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_EQ(bad.mistakes,
            "bad.toml:2:1: limits: unknown option \"bdy\"; did you mean \"body\"?\n"
            "bad.toml:3:1: route: has no action; one of \"app\", \"files\", \"redirect\", \"respond\"\n"
            "remuda check: 2 mistakes\n");
}

TEST_F(CommandLine, ExplainNamesTheWinnerAndWhyOthersLost) {
  write("r.toml", kFile);
  const Outcome outcome = run({"explain", "http://www.example.org:8850/run/x.py/a%20b?q", "-c", "r.toml"});
  EXPECT_EQ(outcome.code, 0) << outcome.mistakes;
  EXPECT_THAT(outcome.results,
              StartsWith("GET /run/x.py/a b on host www.example.org:8850\n\nrules, first match wins\n"
                         "   r.toml:6   example.org /old/  another path\n"
                         "-> r.toml:10  /run/ GET, POST    matches\n"
                         "   r.toml:14  /docs/             not tried\n\n"
                         "answered by application scripts: programs in "));
  EXPECT_THAT(outcome.results, HasSubstr("application            scripts  (r.toml:3)\n"));
  EXPECT_THAT(outcome.results, HasSubstr("program and PATH_INFO  /x.py/a b\n"));
  EXPECT_THAT(outcome.results, HasSubstr("time_limit             \"9s\"  (r.toml:5)\n"));
  EXPECT_THAT(outcome.results, HasSubstr("user                   whoever starts the server\n"));
  EXPECT_THAT(outcome.results, HasSubstr("head                   \"15s\"  (default)\n"));
}

TEST_F(CommandLine, ExplainSaysRefusals) {
  write("r.toml", kFile);
  const auto explain = [this](const char* url, const char* method) {
    return run({"explain", url, "-c", "r.toml", "-X", method}).results;
  };
  EXPECT_THAT(explain("/nothing", "GET"), HasSubstr("\nanswered with 404: no rule matches\n"));
  EXPECT_THAT(
      explain("/run/x", "PUT"),
      HasSubstr(
          "\nanswered with 405: no rule takes the method\n   Allow                  GET, HEAD, POST\n"));
  EXPECT_THAT(explain("/docs/x", "PUT"), HasSubstr("refused: 405, files do not take PUT\n"));
  EXPECT_EQ(explain("/docs/x", "TRACE"), "answered with 405: this server neither traces nor tunnels\n");
  EXPECT_THAT(explain("/docs/a%2Fb", "GET"), HasSubstr("refused: the path holds %2F\n"));
  EXPECT_THAT(explain("http://EXAMPLE.org./old/x#top", "GET"),
              HasSubstr("\nanswered by redirect (302) to /new/\n"));
  EXPECT_EQ(run({"explain", "/../x", "-c", "r.toml"}).mistakes,
            "remuda explain: the server answers 400: the path leads above the root\n");
  EXPECT_EQ(run({"explain", "x", "-c", "r.toml"}).mistakes,
            "remuda explain: \"x\" is not a URL; write \"http://x\" or \"/x\"\n");
  EXPECT_EQ(run({"explain", "http://a,b/", "-c", "r.toml"}).mistakes,
            "remuda explain: \"a,b\" is not a host; the server answers 400\n");
}

TEST_F(CommandLine, ExplainsAnApplication) {
  write("r.toml", kFile);
  const Outcome outcome = run({"explain", "app", "scripts", "-c", "r.toml"});
  EXPECT_EQ(outcome.code, 0) << outcome.mistakes;
  EXPECT_THAT(outcome.results, StartsWith("application scripts (r.toml:3)\n"));
  EXPECT_THAT(outcome.results, HasSubstr("\n   time_limit               \"9s\"  (r.toml:5)\n"));
  EXPECT_THAT(outcome.results,
              Not(HasSubstr("instances.min")));  // means nothing to a program for each request
  EXPECT_THAT(outcome.results, HasSubstr("\nnow\n   no server runs with r.toml"));
  const Outcome unknown = run({"explain", "app", "scrips", "-c", "r.toml"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_EQ(unknown.mistakes, "remuda explain: there is no application scrips; did you mean \"scripts\"?\n");
}

TEST_F(CommandLine, CommandsForAServerThatDoesNotRunAreExitCode3) {
  write("r.toml", kFile);
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"status", "-c", "r.toml"},
                                             {"status", "scripts", "--json", "-c", "r.toml"},
                                             {"top", "-c", "r.toml"},
                                             {"restart", "scripts", "-c", "r.toml"},
                                             {"kill", "scripts", "--instance", "1", "-c", "r.toml"},
                                             {"peer", "scripts", "drain", "x:1", "-d", "site"},
                                             {"status", "--socket", "none.sock"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 3) << arguments[0];
    EXPECT_EQ(outcome.results, "");
    EXPECT_THAT(outcome.mistakes, StartsWith(std::string("remuda ") + arguments[0] + ": "));
  }
}

TEST_F(CommandLine, CommandsForARunningServerAreChecked) {
  const auto mistake = [this](std::vector<const char*> arguments) {
    const Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.code, 2);
    return outcome.mistakes;
  };
  EXPECT_EQ(mistake({"restart"}), "remuda restart: APP is required; see remuda restart --help\n");
  EXPECT_EQ(mistake({"kill", "a"}),
            "remuda kill: say --instance PID or --request ID; see remuda kill --help\n");
  EXPECT_EQ(mistake({"kill", "a", "--instance", "1", "--request", "2"}),
            "remuda kill: --instance excludes --request; see remuda kill --help\n");
  EXPECT_EQ(mistake({"peer", "a", "dance", "x"}),
            "remuda peer: CHANGE: dance not in {add,drain,restore,remove}; see remuda peer --help\n");
  EXPECT_EQ(mistake({"status", "--json", "--metrics"}),
            "remuda status: --json excludes --metrics; see remuda status --help\n");
  EXPECT_EQ(mistake({"status", "-c", "a", "--socket", "b"}),
            "remuda status: --socket excludes --config; see remuda status --help\n");
}

TEST_F(CommandLine, ConfigPrintsReferenceSchemaAndValues) {
  EXPECT_THAT(run({"config", "reference"}).results, StartsWith("# Configuration reference\n"));
  EXPECT_THAT(run({"config", "reference", "--json"}).results, StartsWith("{\n  \"$schema\""));
  write("r.toml", kFile);
  EXPECT_THAT(run({"config", "show", "-c", "r.toml"}).results,
              HasSubstr("address = \"127.0.0.1:8850\"  # r.toml:2\n"));
}

TEST_F(CommandLine, HelpShowsGroupsAndExamples) {
  const Outcome outcome = run({"serve", "--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(
      outcome.results,
      HasSubstr("\nInstead of the configuration:\n  -l,--listen ADDR:PORT           Where to listen"));
  EXPECT_THAT(outcome.results, HasSubstr("\nExamples:\n"));
  EXPECT_THAT(outcome.results, Not(HasSubstr("Excludes")));
  EXPECT_THAT(outcome.results, Not(HasSubstr("\n\n\n")));
  EXPECT_THAT(run({"--help"}).results, HasSubstr("  explain "));
}

TEST_F(CommandLine, VersionIsOneLine) {
  EXPECT_THAT(run({"version"}).results, StartsWith("remuda "));
  EXPECT_EQ(run({"--version"}).results, run({"version"}).results);
  EXPECT_THAT(run({"version"}).results, EndsWith(")\n"));
}

}  // namespace
}  // namespace remuda::cli
