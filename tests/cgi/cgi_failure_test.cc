// SPDX-License-Identifier: Apache-2.0
//
// Every way to fail has its status and says why.
#include <gmock/gmock.h>

#include "tests/cgi/cgi_fixture.h"

namespace remuda::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Case {
  const char* text;
  int status;
  const char* trouble;
};

TEST_F(CgiTest, AnswersThatAreNone) {
  const Case cases[] = {
      {"exit 0", 502, "exited with status 0 before it sent a header"},
      {"echo oops >&2; exit 3", 500, "exited with status 3 before it sent a header; it said: oops"},
      {"echo Content-Type: text/plain; exit 3", 500, "in the middle of its header"},
      {"kill -9 $$", 502, "killed by signal 9 (Killed)"},
      {"echo hello", 502, "a header line has no colon"},
      {"echo ' folded: 1'; echo", 502, "begins with a space"},
      {"echo 'bad name: 1'; echo", 502, "no proper name"},
      {"echo", 502, "the header is empty"},
      {"echo X-Only: 1; echo", 502, "neither Content-Type, Location nor Status"},
      {"echo Status: 200; echo Status: 404; echo", 502, "two Status lines"},
      {"echo Location: /a; echo Location: /b; echo", 502, "two Location lines"},
      {"echo Status: 100; echo", 502, "between 200 and 599"},
      {"echo Status: abc; echo", 502, "Status is no number"},
      {"echo Status: 2000; echo", 502, "not of three digits"},
      {"echo Content-Length: -1; echo", 502, "Content-Length is no number"},
      {"printf 'Content-Type: a\\rX-Split: 1\\n\\n'", 502, "control character"},
      {"printf 'Content-Type: a\\033[1m\\n\\n'", 502, "control character"},
      {"head -c 1000000 /dev/zero | tr '\\0' x", 502, "the header is longer than"},
      {"head -c 100000 /dev/urandom | head -c 70000; echo", 502, ""},
      {"exec >&-; sleep 3", 502, "closed its output"},
      {"no-such-command-here", 500, "not found"},
  };
  wire_options_.time_limit = 10s;
  configure();
  for (const Case& each : cases) {
    shell("case", std::string(each.text) + "\n");
    const Answer got = get("/cgi-bin/case");
    EXPECT_EQ(got.status, each.status) << each.text << ": " << got.trouble;
    EXPECT_THAT(got.trouble, HasSubstr(each.trouble)) << each.text;
    EXPECT_THAT(got.content, IsEmpty()) << each.text;
    EXPECT_THAT(got.details, HasSubstr("program ")) << each.text;
    settle();
  }
}

TEST_F(CgiTest, ProgramsThatCannotBeStarted) {
  shell("plain", "");
  chmod((directory_ / "plain").c_str(), 0644);
  script("no_shebang", "echo Content-Type: text/plain\n");
  script("no_interpreter", "#!/no/such/thing\n");
  std::filesystem::create_directories(directory_ / "sub");
  std::filesystem::create_symlink("/bin/echo", directory_ / "way_out");
  std::filesystem::create_symlink("nowhere", directory_ / "dangling");
  mkfifo((directory_ / "fifo").c_str(), 0755);
  const Case cases[] = {
      {"missing", 404, "no such program"},
      {"sub", 403, "a directory"},
      {"sub/", 403, "a directory"},
      {"", 403, "a directory"},
      {".hidden", 404, "dot"},
      {"plain", 403, "not executable"},
      {"way_out", 403, "out of the application's root"},
      {"dangling", 404, "no such program"},
      {"fifo", 403, "neither a file nor a directory"},
      {"no_shebang", 500, "Exec format error (no \"#!\" line"},
      {"no_interpreter", 500, "could not run its interpreter \"/no/such/thing\": No such file or directory"},
  };
  for (const Case& each : cases) {
    const Answer got = get(std::string("/cgi-bin/") + each.text);
    EXPECT_EQ(got.status, each.status) << each.text << ": " << got.trouble;
    EXPECT_THAT(got.trouble, HasSubstr(each.trouble)) << each.text;
    EXPECT_THAT(got.content, IsEmpty()) << each.text;
  }
}

TEST_F(CgiTest, TheTimeLimit) {
  shell("hang", "echo waiting >&2; sleep 60\n");
  wire_options_.time_limit = 200ms;
  configure();
  const Answer got = get("/cgi-bin/hang");
  EXPECT_EQ(got.status, 504);
  EXPECT_THAT(got.trouble, HasSubstr("within the time limit"));
  settle();
  EXPECT_EQ(log_.journeys[0].stopped, "its time limit passed");
  EXPECT_EQ(log_.errors, std::vector<std::string>{"waiting"});
}

TEST_F(CgiTest, TheTimeLimitKillsTheStubborn) {
  shell("stubborn", "trap '' TERM; sleep 60 & while :; do wait; done\n");
  wire_options_.time_limit = 200ms;
  configure();
  EXPECT_EQ(get("/cgi-bin/stubborn").status, 504);
  settle();
  EXPECT_EQ(log_.journeys[0].ending.code, SIGKILL);
}

TEST_F(CgiTest, EndlessOutputEndsAtTheTimeLimit) {
  shell("endless", "echo Content-Type: text/plain; echo; exec yes\n");
  wire_options_.time_limit = 200ms;
  configure();
  const Answer got = get("/cgi-bin/endless");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.error, EIO);
  EXPECT_THAT(got.trouble, HasSubstr("time limit"));
}

TEST_F(CgiTest, KilledInTheMiddleIsNoNormalEnd) {
  shell("killed", "echo Content-Type: text/plain; echo; echo begin; sleep 0.1; kill -9 $$\n");
  const Answer got = get("/cgi-bin/killed");
  EXPECT_EQ(got.content, "begin\n");
  EXPECT_EQ(got.error, EIO);
  shell("at_once", "echo Content-Type: text/plain; echo; echo begin; kill -9 $$\n");
  EXPECT_EQ(get("/cgi-bin/at_once").status, 502);
}

TEST_F(CgiTest, AGrandchildThatHoldsTheOutputIsNotWaitedForLong) {
  shell("holder", "echo Content-Type: text/plain; echo; echo done; sleep 60 &\n");
  wire_options_.exit_grace = 200ms;
  configure();
  const auto began = loop::Clock::now();
  const Answer got = get("/cgi-bin/holder");
  EXPECT_EQ(got.content, "done\n");
  EXPECT_EQ(got.error, 0);
  EXPECT_LT(loop::Clock::now() - began, 3s);
}

TEST_F(CgiTest, AClientThatLeavesEndsTheProgram) {
  shell("hang", "sleep 60\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/hang");
  exchange.start(*handler_);
  for (int i = 0; i < 3; ++i) turn();
  exchange.lose_client();
  exchange.finish();
  exchange.end();
  settle();
  EXPECT_EQ(log_.journeys[0].stopped, "the client left");
}

TEST_F(CgiTest, AnExchangeThatIsGivenUpEndsTheProgram) {
  shell("endless", "echo Content-Type: text/plain; echo; exec yes\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/endless");
  exchange.run(*handler_);
  exchange.end();
  settle();
  EXPECT_FALSE(log_.journeys[0].stopped.empty());
}

TEST_F(CgiTest, ABodyThatDoesNotComeWholeIsNeverAWholeOne) {
  shell("cat", "cat > got; echo whole > verdict\n");
  FakeExchange exchange(*loop_, "POST", "/cgi-bin/cat");
  FakeBody body({"half"});
  body.known_remaining = 8;
  body.error = ECONNRESET;
  exchange.request.body = &body;
  EXPECT_EQ(answer(exchange).status, 400);
  exchange.end();
  settle();
  EXPECT_FALSE(std::filesystem::exists(directory_ / "verdict"));
}

TEST_F(CgiTest, AQueueThatIsFull) {
  shell("slow", "sleep 0.3; echo Content-Type: text/plain; echo\n");
  limits_ = {.at_once = 1, .queue = 1};
  configure();
  FakeExchange first(*loop_, "GET", "/cgi-bin/slow");
  FakeExchange second(*loop_, "GET", "/cgi-bin/slow");
  FakeExchange third(*loop_, "GET", "/cgi-bin/slow");
  first.start(*handler_);
  second.start(*handler_);
  third.run(*handler_);
  EXPECT_EQ(third.response.status, 503);
  EXPECT_EQ(third.field("Retry-After"), "1");
  first.finish();
  second.finish();
  EXPECT_EQ(first.response.status, 200);
  EXPECT_EQ(second.response.status, 200);
}

TEST_F(CgiTest, AQueueThatIsTooSlow) {
  shell("slow", "sleep 0.5; echo Content-Type: text/plain; echo\n");
  limits_ = {.at_once = 1, .queue = 9};
  exec_options_.queue_time = 100ms;
  configure();
  FakeExchange first(*loop_, "GET", "/cgi-bin/slow");
  first.start(*handler_);
  EXPECT_EQ(get("/cgi-bin/slow").status, 503);
  FakeExchange leaves(*loop_, "GET", "/cgi-bin/slow");
  leaves.start(*handler_);
  leaves.lose_client();
  leaves.finish();
  EXPECT_EQ(app_->admission.waiting(), 0U);
  first.finish();
  EXPECT_EQ(first.response.status, 200);
}

TEST_F(CgiTest, TooMuchForAProgram) {
  shell("hello", "echo Content-Type: text/plain; echo\n");
  FakeExchange exchange(*loop_, "GET", "/cgi-bin/hello");
  const std::string large(130 * 1024, 'x');
  exchange.request.fields.add("X-Large", large);
  EXPECT_EQ(answer(exchange).status, 431);
}

}  // namespace
}  // namespace remuda::testing
