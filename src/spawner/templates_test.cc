// SPDX-License-Identifier: Apache-2.0
//
// Templates: how they load, fork and end, and what becomes of it when one dies, hangs, lies or floods
// (docs/templates.md).
#include "spawner/testing/templates_fixture.h"

namespace remuda::spawner {
namespace {

TEST_F(TemplatesTest, ForksWhatIsAskedFor) {
  const Pipes first = ask(1, "print");
  EXPECT_EQ(read_all(first.output), "forked configured\n");
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(exited.status, 0);
  EXPECT_GE(exited.times.started, exited.times.received);
  EXPECT_GE(exited.times.ended, exited.times.started);
  EXPECT_GT(exited.usage.max_resident_kib, 0);
  const Pipes second = ask(2, "exit=3");
  EXPECT_EQ(WEXITSTATUS(exited_answer().status), 3);
  const Told told = until(kSite, State::kReady);
  EXPECT_EQ(told.generation, 1U);
  EXPECT_THAT(told.detail, testing::MatchesRegex("start the loader [0-9.]+ ms\nfirst step [0-9.]+ "
                                                 "ms\nsecond step [0-9.]+ ms\n"));
  EXPECT_THAT(said_, testing::Contains("hello from the loader"));
  EXPECT_EQ(told_.size(), 2U);
  const Kinship kin = kinship_of(told.pid);
  EXPECT_EQ(kin.parent, spawner_);
  EXPECT_EQ(kin.group, told.pid);
}

TEST_F(TemplatesTest, AForkIsAnOrdinaryProgram) {
  const Pipes pipes = ask(1, "sleep");
  const pid_t pid = started_answer().pid;
  EXPECT_EQ(received_.descriptor_count, 1U);
  EXPECT_EQ(kinship_of(pid).parent, until(kSite, State::kReady).pid);
  std::vector<std::byte> packet;
  encode(Measure{.token = 3, .id = 1}, packet);
  encode(Measure{.token = 4, .id = 0, .pid = until(kSite, State::kReady).pid}, packet);
  encode(Measure{.token = 5, .id = 0, .pid = getpid()}, packet);
  send(packet);
  EXPECT_GT(std::get<Measured>(answer()).resident, 0U);
  EXPECT_GT(std::get<Measured>(answer()).resident, 0U);
  EXPECT_EQ(std::get<Measured>(answer()).error, ESRCH);
  signal(1, 0, SIGTERM);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.pid, pid);
  EXPECT_EQ(WTERMSIG(exited.status), SIGTERM);
}

TEST_F(TemplatesTest, FailureToLoadIsToldWithTheJourneyAndBackedOff) {
  behave("site", "exit");
  const Pipes first = ask(1, "print");
  const Pipes second = ask(2, "print");
  for (uint64_t id = 1; id <= 2; ++id) {
    const Failed failed = failed_answer();
    EXPECT_EQ(failed.id, id);
    EXPECT_EQ(failed.error, ECHILD);
    EXPECT_EQ(failed.step, Step::kTemplate);
    EXPECT_THAT(std::string(failed.detail), HasSubstr("it ended with status 3, in the step \"second step\""));
    EXPECT_THAT(std::string(failed.detail), HasSubstr("first step "));
    EXPECT_THAT(std::string(failed.detail), HasSubstr("| Traceback: no such module"));
  }
  EXPECT_THAT(until(kSite, State::kFailed).detail, HasSubstr("Traceback"));
  behave("site", "");
  const Pipes at_once = ask(3, "print");
  EXPECT_EQ(failed_answer().error, ECHILD);
  EXPECT_EQ(std::ranges::count(told_, State::kLoading, &Told::state), 1);
  std::this_thread::sleep_for(550ms);
  const Pipes again = ask(4, "print");
  EXPECT_EQ(read_all(again.output), "forked configured\n");
}

TEST_F(TemplatesTest, ALoaderThatIsNotThere) {
  options_.apps[kSite].program = "/no/such/python";
  options_.apps[kSite].directory = "/";
  restart();
  const Pipes first = ask(1, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.error, ENOENT);
  EXPECT_EQ(failed.step, Step::kExec);
  EXPECT_THAT(until(kSite, State::kFailed).detail, HasSubstr("run the program"));
}

TEST_F(TemplatesTest, OneThatHangsIsKilled) {
  templates(kSite).start_timeout = 500ms;
  restart();
  behave("site", "hang");
  const Pipes pipes = ask(1, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.error, ETIMEDOUT);
  EXPECT_THAT(std::string(failed.detail), HasSubstr("not ready after 500 ms"));
  EXPECT_TRUE(gone(until(kSite, State::kFailed).pid));
}

TEST_F(TemplatesTest, OneThatDoesNotForkIsReplacedOnce) {
  templates(kSite).start_timeout = 1000ms;
  restart();
  behave("site", "mute");
  const Pipes pipes = ask(1, "print");
  const pid_t pid = until(kSite, State::kReady).pid;
  behave("site", "");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_TRUE(gone(pid));
}

TEST_F(TemplatesTest, LiesWhileLoadingEndIt) {
  for (const char* const lie :
       {"garbage", "nothing", "oversize", "foreign", "ready-and-die", "unfit", "kill", "leave-early"}) {
    SCOPED_TRACE(lie);
    behave("site", lie);
    restart();
    const Pipes pipes = ask(1, "print");
    const Failed failed = failed_answer();
    EXPECT_EQ(failed.step, Step::kTemplate);
    EXPECT_EQ(read_all(pipes.output), "");
    until(kSite, lie == "ready-and-die"s ? State::kEnded : State::kFailed);
    for (const Told& each : told_) {
      if (each.pid != 0) {
        EXPECT_TRUE(gone(each.pid));
      }
    }
  }
}

TEST_F(TemplatesTest, LiesAboutForksEndItAndTheProcessIsLeftAlone) {
  for (const char* const lie : {"claim-itself", "no-group", "grandchild", "claim-unasked", "twice"}) {
    SCOPED_TRACE(lie);
    behave("site", lie);
    restart();
    const Pipes pipes = ask(1, "print");
    const Told ready = until(kSite, State::kReady);
    EXPECT_TRUE(gone(ready.pid));
    EXPECT_EQ(kill(spawner_, 0), 0);
  }
}

TEST_F(TemplatesTest, AForkThatLeavesItsTemplateIsTheSpawnersOwn) {
  behave("site", "daemon");
  const Pipes pipes = ask(1, "exit=3");
  EXPECT_EQ(WEXITSTATUS(exited_answer().status), 3);
}

TEST_F(TemplatesTest, ClaimsAboutOthersEndsMeanNothing) {
  behave("site", "claim-ended");
  const Pipes other = spawn(50, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(std::get<Exited>([&] {
              Reply next = answer();
              while (std::holds_alternative<Started>(next)) next = answer();
              return next;
            }())
                .id,
            1U);
  signal(50, 0, SIGKILL);
  EXPECT_EQ(exited_answer().id, 50U);
}

TEST_F(TemplatesTest, AFloodIsBounded) {
  behave("site", "flood many-steps");
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  const Told told = until(kSite, State::kReady);
  EXPECT_LE(told.detail.size(), kMaxDetail);
  EXPECT_LT(std::ranges::count(told.detail, '\n'), 50);
  EXPECT_LT(said_.size(), 5000U);
}

TEST_F(TemplatesTest, WarningsAreToldAndARefusalIsTheSpawnsAlone) {
  behave("site", "warn refuse");
  const Pipes pipes = ask(1, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.error, EAGAIN);
  EXPECT_EQ(failed.step, Step::kProcess);
  EXPECT_THAT(said_, testing::Contains("warning: an open connection"));
  EXPECT_EQ(kill(until(kSite, State::kReady).pid, 0), 0);
}

TEST_F(TemplatesTest, WhatDidNotBeginIsAskedOfTheNextOne) {
  behave("site", "die-on-fork");
  const Pipes lost = ask(1, "print");
  EXPECT_THAT(std::string(failed_answer().detail), HasSubstr("two templates have died on it"));
  renew(kSite);
  told_.clear();
  said_.clear();
  behave("site", "slow die-on-fork");
  const Pipes pipes = ask(2, "print");
  until_said("hello from the loader");
  behave("site", "");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
}

TEST_F(TemplatesTest, OneThatForksWellIsReplacedWheneverItDies) {
  for (uint64_t id = 1; id <= 5; ++id) {
    const Pipes pipes = ask(id, "print");
    EXPECT_EQ(read_all(pipes.output), "forked configured\n");
    EXPECT_EQ(exited_answer().id, id);
    kill(until(kSite, State::kReady).pid, SIGKILL);
    until(kSite, State::kEnded);
    told_.clear();
  }
}

TEST_F(TemplatesTest, ALongEnvironmentIsExecutedOrRefused) {
  options_.apps[kScripts].environment.push_back("LONG=" + std::string(100'000, 'x'));
  options_.apps[kSite].environment.push_back("LONG=" + std::string(100'000, 'x'));
  restart();
  const std::string wish = query("print") + "HTTP_LONG=" + std::string(100'000, 'y') + '\0';
  const std::string path = script("hello", "#!" + (directory_ / "python3").string() + "\n");
  for (uint64_t id = 1; id <= 2; ++id) {
    EXPECT_EQ(read_all(spawn(id, path, wish, kScripts).output), "executed configured\n");
    exited_answer();
    until(kScripts, State::kReady);
  }
  const Pipes pipes = spawn(3, "", wish, kSite);
  EXPECT_EQ(failed_answer().error, E2BIG);
}

}  // namespace
}  // namespace remuda::spawner

int main(int argc, char** argv) {
  if (const int code = remuda::spawner::testing_loader::run_if_wanted(); code >= 0) return code;
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
