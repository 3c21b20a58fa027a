// SPDX-License-Identifier: Apache-2.0
//
// Whose time is whose.
#include "cli/advise/process_tree.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

namespace remuda::cli::advise {
namespace {

TEST(Stat, WhateverItsName) {
  const Process process =
      read_stat("42 (a ) (b) S 7 42 42 0 -1 4194560 100 200 0 0 12 3 40 5 20 0 1 0 100 0 0", 100);
  EXPECT_EQ(process.pid, 42);
  EXPECT_EQ(process.parent, 7);
  EXPECT_EQ(process.own, Micros(150'000));
  EXPECT_EQ(process.children, Micros(450'000));
}

TEST(Stat, WhatIsNone) {
  EXPECT_EQ(read_stat("", 100).pid, 0);
  EXPECT_EQ(read_stat("42 (a)", 100).own, Micros(0));
}

TEST(Used, TheServersOwnAndWhatIsBelow) {
  const std::vector<Process> tree{
      {.pid = 1, .place = Place::kSupervisor, .own = Micros(1), .children = Micros(2)},
      {.pid = 2, .place = Place::kServer, .own = Micros(4), .children = Micros(8)},
      {.pid = 3, .place = Place::kApplication, .own = Micros(16), .children = Micros(32)},
  };
  EXPECT_EQ(used_by(tree).server, Micros(7));
  EXPECT_EQ(used_by(tree).application, Micros(56));
}

void compute(std::chrono::milliseconds duration) {
  timespec now{};
  const auto used = [&] {
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  while (used() < duration) {
  }
}

// A child that computed and was waited for, and one that still lives: both are counted once.
TEST(Tree, CountsWhoHasEndedAndWhoLives) {
  const Processor before = used_by(process_tree(::getpid()));
  const pid_t ended = ::fork();
  if (ended == 0) {
    compute(std::chrono::milliseconds(100));
    ::_exit(0);
  }
  ::waitpid(ended, nullptr, 0);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t living = ::fork();
  if (living == 0) {
    compute(std::chrono::milliseconds(100));
    ::close(ready[1]);
    ::pause();
    ::_exit(0);
  }
  ::close(ready[1]);
  char nothing = 0;
  ASSERT_EQ(::read(ready[0], &nothing, 1), 0);
  const Processor after = used_by(process_tree(::getpid()));
  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
  ::close(ready[0]);
  const Micros used = after.total() - before.total();
  EXPECT_GE(used, Micros(180'000));
  EXPECT_LE(used, Micros(400'000));
}

}  // namespace
}  // namespace remuda::cli::advise
