// SPDX-License-Identifier: Apache-2.0
//
// Templates: what is asked of them and what they forked, under every failure of either side.
#include "spawner/testing/templates_fixture.h"

namespace remuda::spawner {
namespace {

TEST_F(TemplatesTest, AForkThatComesTooLateHasNotBegun) {
  behave("site", "slow die-after-fork late-forked");
  const Pipes pipes = ask(1, "print");
  until_said("hello from the loader");
  behave("site", "");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(until(kSite, State::kReady, 2).generation, 2U);
}

TEST_F(TemplatesTest, ForksOutliveTheirTemplate) {
  const Pipes pipes = ask(1, "sleep");
  const pid_t pid = started_answer().pid;
  const pid_t its_template = until(kSite, State::kReady).pid;
  kill(its_template, SIGKILL);
  EXPECT_THAT(until(kSite, State::kEnded).detail, HasSubstr("ended by signal 9"));
  EXPECT_EQ(kinship_of(pid).parent, spawner_);
  signal(1, 0, SIGKILL);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.pid, pid);
  EXPECT_EQ(WTERMSIG(exited.status), SIGKILL);
  const Pipes again = ask(2, "print");  // by the next generation
  EXPECT_EQ(read_all(again.output), "forked configured\n");
}

TEST_F(TemplatesTest, AnEndThatTheTemplateTookWithItIsUnknown) {
  behave("site", "reap-silently");
  const Pipes pipes = ask(1, "exit=3");
  const pid_t pid = started_answer().pid;
  EXPECT_TRUE(gone(pid));
  kill(until(kSite, State::kReady).pid, SIGKILL);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(exited.status, kUnknownStatus);
}

TEST_F(TemplatesTest, AnEndThatTheTemplateKeepsToItselfIsFoundOut) {
  behave("site", "reap-silently");
  const Pipes pipes = ask(1, "exit=3");
  EXPECT_TRUE(gone(started_answer().pid));
  signal(1, 0, SIGTERM);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(exited.status, kUnknownStatus);
  EXPECT_EQ(kill(until(kSite, State::kReady).pid, 0), 0);
}

TEST_F(TemplatesTest, WhatAProgramLeavesEndsWithItsTime) {
  const Pipes pipes = ask(1, "spray");
  const Exited exited = exited_answer();
  EXPECT_TRUE(exited.left_others);
  signal(1, exited.pid, SIGKILL);
  read_all(pipes.output);  // nobody has it open any more
}

TEST_F(TemplatesTest, SpawnsThatWaitCanBeCancelled) {
  behave("site", "slow");
  const Pipes first = ask(1, "print");
  const Pipes second = ask(2, "print");
  signal(1, 0, SIGTERM);
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.id, 1U);
  EXPECT_EQ(failed.error, ECANCELED);
  EXPECT_EQ(read_all(second.output), "forked configured\n");
}

TEST_F(TemplatesTest, ASignalBeforeItBeganIsDelivered) {
  ready();
  behave("site", "late-forked");
  EXPECT_EQ(renew(kSite).error, 0);
  const Pipes pipes = ask(1, "sleep");
  std::this_thread::sleep_for(30ms);
  signal(1, 0, SIGKILL);
  const Exited exited = exited_answer();
  EXPECT_EQ(exited.id, 1U);
  EXPECT_EQ(WTERMSIG(exited.status), SIGKILL);
}

TEST_F(TemplatesTest, AChannelThatEndsTakesItsSpawnsWithIt) {
  behave("site", "slow late-forked");
  const Pipes waiting = ask(1, "sleep");
  replace_worker();
  EXPECT_EQ(read_all(waiting.output), "");
  const pid_t pid = ready().pid;
  const Pipes asked = ask(2, "sleep");
  std::this_thread::sleep_for(30ms);
  replace_worker();
  read_all(asked.output);  // it ends
  told_.clear();
  EXPECT_EQ(until(kSite, State::kReady).pid, pid);  // a new home channel is told of it
}

TEST_F(TemplatesTest, TheQueueIsBounded) {
  templates(kSite).queue = 2;
  restart();
  behave("site", "slow");
  const Pipes first = ask(1, "print");
  const Pipes second = ask(2, "print");
  const Pipes third = ask(3, "print");
  const Failed failed = failed_answer();
  EXPECT_EQ(failed.id, 3U);
  EXPECT_EQ(failed.error, EAGAIN);
  EXPECT_EQ(read_all(second.output), "forked configured\n");
}

TEST_F(TemplatesTest, PongComesAfterSpawnsThatWait) {
  behave("site", "slow");
  const Pipes pipes = ask(1, "print");
  ping();
  Reply next = answer();
  EXPECT_TRUE(std::holds_alternative<Started>(next) || std::holds_alternative<Exited>(next));
  while (!std::holds_alternative<Pong>(next)) next = answer();
}

TEST_F(TemplatesTest, RenewalBringsTheNextGeneration) {
  EXPECT_EQ(renew(kSite).error, 0);  // nothing runs
  EXPECT_TRUE(told_.empty());
  const pid_t first = ready().pid;
  const Pipes pipes = ask(1, "sleep");
  const pid_t fork_of_first = started_answer().pid;
  EXPECT_EQ(renew(kSite).error, 0);
  EXPECT_EQ(until(kSite, State::kReady, 2).generation, 2U);
  EXPECT_THAT(until(kSite, State::kEnded).detail, HasSubstr("replaced by generation 2"));
  EXPECT_TRUE(gone(first));
  EXPECT_EQ(kinship_of(fork_of_first).parent, spawner_);
  EXPECT_EQ(kill(fork_of_first, 0), 0);
}

TEST_F(TemplatesTest, ARenewalThatFailsLeavesTheOldOne) {
  const pid_t first = ready().pid;
  behave("site", "exit");
  const Renewed renewed = renew(kSite);
  EXPECT_EQ(renewed.error, ECHILD);
  EXPECT_THAT(std::string(renewed.detail), HasSubstr("| Traceback"));
  EXPECT_EQ(kill(first, 0), 0);
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(exited_answer().id, 1U);
  std::vector<std::byte> packet;
  encode(Renew{.token = 5, .app = 99}, packet);
  send(packet);
  EXPECT_EQ(std::get<Renewed>(answer()).error, EINVAL);
}

TEST_F(TemplatesTest, ARenewalWhileItLoadsLoadsAnew) {
  behave("site", "hang");
  const Pipes pipes = ask(1, "print");
  const pid_t first = until(kSite, State::kLoading).pid;
  behave("site", "");
  std::vector<std::byte> packet;
  encode(Renew{.token = 5, .app = kSite}, packet);
  send(packet);
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_TRUE(gone(first));
}

TEST_F(TemplatesTest, ChangedFilesBringTheNextGeneration) {
  const pid_t first = ready().pid;
  change("site");
  EXPECT_NE(until(kSite, State::kReady, 2).pid, first);
  EXPECT_THAT(std::ranges::find(told_, 2U, &Told::generation)->detail, HasSubstr("changed: "));
  EXPECT_TRUE(gone(first));
}

TEST_F(TemplatesTest, ABrokenChangeIsTriedAgainUntilItIsGood) {
  const pid_t first = ready().pid;
  behave("site", "exit");
  change("site");
  EXPECT_EQ(until(kSite, State::kFailed).generation, 2U);
  const Pipes pipes = ask(1, "print");
  EXPECT_EQ(read_all(pipes.output), "forked configured\n");
  EXPECT_EQ(kill(first, 0), 0);
  std::this_thread::sleep_for(700ms);  // the second try fails the same way, and is not told
  behave("site", "");
  std::this_thread::sleep_for(1500ms);
  exited_answer();
  EXPECT_GT(until(kSite, State::kReady, 4).pid, 0);
  EXPECT_EQ(std::ranges::count(told_, State::kFailed, &Told::state), 1);
}

TEST_F(TemplatesTest, ChangesAreNotMindedWhereNobodyWantsThat) {
  templates(kSite).reload = Reload::kOnRequest;
  restart();
  const pid_t first = ready().pid;
  change("site");
  std::this_thread::sleep_for(300ms);
  ping();
  EXPECT_TRUE(std::holds_alternative<Pong>(answer()));
  EXPECT_EQ(kill(first, 0), 0);
  EXPECT_EQ(told_.size(), 2U);
}

TEST_F(TemplatesTest, AStaleOneIsReplacedBeforeItForks) {
  behave("site", "slow stale");
  const Pipes first = ask(1, "print");
  until_said("hello from the loader");
  behave("site", "");
  const pid_t old = until(kSite, State::kReady).pid;
  EXPECT_EQ(read_all(first.output), "forked configured\n");
  EXPECT_TRUE(gone(old));
}

TEST_F(TemplatesTest, AnIdleOneEndsUnlessItsForksRun) {
  templates(kSite).idle_timeout = 300ms;
  restart();
  const Pipes pipes = ask(1, "sleep");
  const pid_t fork = started_answer().pid;
  const pid_t pid = until(kSite, State::kReady).pid;
  std::this_thread::sleep_for(700ms);
  EXPECT_EQ(kill(pid, 0), 0);
  signal(1, 0, SIGKILL);
  EXPECT_EQ(exited_answer().pid, fork);
  EXPECT_EQ(until(kSite, State::kEnded).detail, "idle");
  EXPECT_TRUE(gone(pid));
}

TEST_F(TemplatesTest, WhatItStartedWhileLoadingEndsWithIt) {
  behave("site", "fork-at-load");
  const pid_t pid = ready().pid;
  kill(pid, SIGKILL);
  until(kSite, State::kEnded);
  EXPECT_TRUE(gone(-pid));
}

TEST_F(TemplatesTest, OneThatClosesItsChannelIsEnded) {
  behave("site", "close-after-ready");
  const Pipes pipes = ask(1, "print");
  const pid_t pid = until(kSite, State::kLoading).pid;
  EXPECT_EQ(failed_answer().step, Step::kTemplate);
  EXPECT_TRUE(gone(pid));
}

}  // namespace
}  // namespace remuda::spawner
