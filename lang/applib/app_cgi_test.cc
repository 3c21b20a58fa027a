// SPDX-License-Identifier: Apache-2.0
//
// remuda_app.h in a program that was started as plain CGI: a child process whose descriptors 0 and 1 and
// whose environment are as the test says.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "remuda_app.h"

namespace remuda::app {
namespace {

class Cgi : public ::testing::Test {
 protected:
  // The status of the child's end is what it returns.
  using Work = int (*)(remuda_app* app);
  void start(const int (&input)[2], const int (&output)[2], const char* length, Work work) {
    std::fflush(stdout);  // or a sanitizer writes what waits there into the child's output as well
    child_ = fork();
    if (child_ != 0) {
      ::close(input[0]);
      ::close(output[1]);
      return;
    }
    alarm(10);
    dup2(input[0], 0);
    dup2(output[1], 1);
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
    setenv("REQUEST_METHOD", "POST", 1);
    setenv("CONTENT_LENGTH", length, 1);
    remuda_app* app = remuda_open(nullptr);
    _exit(app == nullptr ? 100 : work(app));
  }
  int status() const {
    int status = -1;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static std::string read_all(int fd) {
    std::string all;
    char bytes[4096];
    for (ssize_t got; (got = read(fd, bytes, sizeof(bytes))) > 0;)
      all.append(bytes, static_cast<size_t>(got));
    return all;
  }
  static void do_not_block(int fd) { ASSERT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0); }
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

  pid_t child_ = -1;
};

int echo(remuda_app* app) {
  remuda_request* asked = remuda_accept(app);
  remuda_puts(asked, "ready ");
  char bytes[64];
  ssize_t got;
  while ((got = remuda_read(asked, bytes, sizeof(bytes))) > 0)
    remuda_write(asked, bytes, static_cast<size_t>(got));
  remuda_finish(asked, got == 0 ? 7 : 8);
  return remuda_close(app);
}

TEST_F(Cgi, WhatWasWrittenLeavesBeforeReadingWaits) {
  int input[2];
  int output[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(pipe(output), 0);
  start(input, output, "5", echo);
  char first[16];
  EXPECT_EQ(read(output[0], first, sizeof(first)), 6);
  EXPECT_EQ(write(input[1], "12345", 5), 5);
  EXPECT_EQ(read_all(output[0]), "12345");
  EXPECT_EQ(status(), 7);
  ::close(input[1]);
  ::close(output[0]);
}

TEST_F(Cgi, WaitsForInputThatDoesNotBlock) {
  int input[2];
  int output[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(pipe(output), 0);
  do_not_block(input[0]);
  start(input, output, "5", echo);
  for (const char* piece : {"123", "45"}) {
    pause();
    EXPECT_GT(write(input[1], piece, strlen(piece)), 0);
  }
  EXPECT_EQ(read_all(output[0]), "ready 12345");
  EXPECT_EQ(status(), 7);
  ::close(input[1]);
  ::close(output[0]);
}

TEST_F(Cgi, AnAnswerThatIsBrokenIsNoOrdinaryEnd) {
  int input[2];
  int output[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(pipe(output), 0);
  start(input, output, "0", [](remuda_app* app) {
    remuda_request* asked = remuda_accept(app);
    remuda_puts(asked, "half");
    remuda_finish(asked, REMUDA_BROKEN);
    return remuda_close(app);
  });
  EXPECT_EQ(read_all(output[0]), "half");
  int status = 0;
  EXPECT_EQ(waitpid(child_, &status, 0), child_);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  ::close(input[1]);
  ::close(output[0]);
}

TEST_F(Cgi, WaitsForOutputThatDoesNotBlock) {
  int input[2];
  int output[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(pipe(output), 0);
  do_not_block(output[1]);
  start(input, output, "0", [](remuda_app* app) {
    remuda_request* asked = remuda_accept(app);
    const std::string much(1'000'000, 'm');
    remuda_write(asked, much.data(), much.size());
    return remuda_finish(asked, 0) == 0 ? remuda_close(app) : 9;
  });
  pause();
  EXPECT_EQ(read_all(output[0]).size(), 1'000'000U);
  EXPECT_EQ(status(), 0);
  ::close(input[1]);
  ::close(output[0]);
}

TEST_F(Cgi, NoticesThatTheReaderOfASocketHasLeft) {
  int input[2];
  int output[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, output), 0);
  start(input, output, "0", [](remuda_app* app) {
    remuda_request* asked = remuda_accept(app);
    if (remuda_aborted(asked) != 0) return 10;
    for (int i = 0; i < 1000 && remuda_aborted(asked) == 0; ++i) usleep(2000);
    if (remuda_aborted(asked) == 0) return 11;
    return remuda_finish(asked, 0) == -1 && errno == ECANCELED ? remuda_close(app) : 12;
  });
  pause();
  ::close(output[0]);
  EXPECT_EQ(status(), 0);
  ::close(input[1]);
}

// The sanitizers see whether anything is left.
TEST_F(Cgi, IsOpenedAndClosedWithoutARequest) {
  const int input = dup(0);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, 0);
  remuda_app* app = remuda_open(nullptr);
  ASSERT_NE(app, nullptr);
  EXPECT_EQ(remuda_is_cgi(app), 1);
  EXPECT_EQ(remuda_close(app), 0);
  dup2(input, 0);
  ::close(input);
  ::close(nothing);
}

}  // namespace
}  // namespace remuda::app
