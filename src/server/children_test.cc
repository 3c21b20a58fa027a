// SPDX-License-Identifier: Apache-2.0
//
// What a forked child has of its parent, how its end is told, and that what a process has adopted is ended.
#include "server/children.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"

namespace remuda::server {
namespace {

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

// The wait status of a child that runs `body`.
int run_child(std::span<const int> keep, const std::function<int()>& body) {
  const auto child = fork_child("remuda:test", keep, body);
  EXPECT_TRUE(child);
  int status = -1;
  EXPECT_EQ(::waitpid(*child, &status, 0), *child);
  return status;
}

TEST(Children, ExitWithWhatTheBodyReturns) {
  EXPECT_EQ(describe_status(run_child({}, [] { return 0; })), "exit status 0");
  EXPECT_EQ(describe_status(run_child({}, [] { return 7; })), "exit status 7");
}

TEST(Children, ASignalIsNamed) {
  const int status = run_child({}, [] { return ::raise(SIGKILL); });
  EXPECT_EQ(describe_status(status), "signal 9 (Killed)");
}

TEST(Children, HaveOnlyWhatTheyAreGiven) {
  const base::Fd low(::open("/dev/null", O_RDONLY));
  const base::Fd given(::fcntl(low.get(), F_DUPFD, 50));
  const base::Fd between(::fcntl(low.get(), F_DUPFD, 60));
  const base::Fd also_given(::fcntl(low.get(), F_DUPFD, 70));
  const base::Fd high(::fcntl(low.get(), F_DUPFD, 80));
  const std::array keep{also_given.get(), given.get(), -1};
  const int status = run_child(keep, [&] {
    const bool kept = is_open(given.get()) && is_open(also_given.get()) && is_open(2);
    const bool others = is_open(low.get()) || is_open(between.get()) || is_open(high.get());
    return kept && !others ? 0 : 1;
  });
  EXPECT_EQ(describe_status(status), "exit status 0");
  EXPECT_TRUE(is_open(between.get()));
}

TEST(Children, LeaveSignalsToTheSupervisor) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &blocked, &before), 0);
  const int status = run_child({}, [] {
    sigset_t now;
    ::sigprocmask(SIG_SETMASK, nullptr, &now);
    if (::sigismember(&now, SIGTERM) != 0) return 1;
    ::raise(SIGTERM);
    ::raise(SIGINT);
    ::raise(SIGPIPE);
    return 0;
  });
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_EQ(describe_status(status), "exit status 0");
}

// A program's leader and a process of its group, whose parent it was.
pid_t start_family(int say_that_it_stands) {
  const pid_t leader = ::fork();
  if (leader > 0) return leader;
  ::setpgid(0, 0);
  if (::fork() > 0) {
    while (true) ::pause();
  }
  [[maybe_unused]] const auto said = ::write(say_that_it_stands, "x", 1);
  while (true) ::pause();
}

TEST(Children, WhatWasAdoptedIsEndedWithItsGroup) {
  if (::access("/proc/thread-self/children", R_OK) < 0) GTEST_SKIP() << "the kernel does not list children";
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const int status = run_child(pipe, [&pipe] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t leader = start_family(pipe[1]);
    char byte = 0;
    if (::read(pipe[0], &byte, 1) != 1) return 1;
    kill_adopted();
    int killed = 0;
    for (int how = 0; ::waitpid(leader, &how, 0) > 0 || ::wait(&how) > 0;) {
      if (!WIFSIGNALED(how) || WTERMSIG(how) != SIGKILL) return 2;
      ++killed;
    }
    return killed == 2 ? 0 : 3;
  });
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_EQ(describe_status(status), "exit status 0");
}

}  // namespace
}  // namespace remuda::server
