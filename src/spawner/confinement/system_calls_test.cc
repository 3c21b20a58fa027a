// SPDX-License-Identifier: Apache-2.0
//
// The filter in a process of its own, without root's rights: what it denies, what it does not touch. What an
// application can still do is tests/scenario/sandbox_test.py's.
#include "spawner/confinement/system_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace remuda::spawner {
namespace {

// errno of `call` behind the filter; 0: it went well.
int behind_the_filter(const std::function<long()>& call) {
  const auto filter = make_filter();
  if (!filter) return -1;
  const pid_t child = fork();
  if (child == 0) {
    sock_fprog program{static_cast<unsigned short>(filter->size()), const_cast<sock_filter*>(filter->data())};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(255);
    _exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int of_socket(int family, int type, int protocol) {
  return behind_the_filter([=] { return socket(family, type, protocol); });
}

TEST(SystemCalls, ThatNoWebApplicationNeedsAreDenied) {
  EXPECT_EQ(behind_the_filter([] { return unshare(CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(behind_the_filter([] { return syscall(SYS_keyctl, 0, 0, 0); }), EPERM);
  EXPECT_EQ(behind_the_filter([] { return syscall(SYS_ptrace, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(behind_the_filter([] { return syscall(SYS_personality, 0x40000); }), EPERM);
}

TEST(SystemCalls, WithAnOlderWayAreAbsent) {
  EXPECT_EQ(behind_the_filter([] { return syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
  EXPECT_EQ(behind_the_filter([] { return syscall(SYS_io_uring_setup, 1, nullptr); }), ENOSYS);
}

TEST(SystemCalls, MakeSocketsOfFourFamilies) {
  EXPECT_EQ(of_socket(AF_UNIX, SOCK_STREAM, 0), 0);
  EXPECT_EQ(of_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0);
  EXPECT_EQ(of_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
  EXPECT_EQ(of_socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT), EAFNOSUPPORT);
  EXPECT_EQ(of_socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
  EXPECT_EQ(of_socket(AF_VSOCK, SOCK_STREAM, 0), EAFNOSUPPORT);
  EXPECT_EQ(of_socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
  EXPECT_EQ(of_socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, 1), EPERM);
}

TEST(SystemCalls, HideNothingInTheUpperHalfOfAnArgument) {
  constexpr long kHigh = 1L << 32;
  EXPECT_EQ(behind_the_filter([=] { return syscall(SYS_socket, kHigh | AF_PACKET, SOCK_RAW, 0); }),
            EAFNOSUPPORT);
  EXPECT_EQ(behind_the_filter([=] { return syscall(SYS_socket, AF_INET, kHigh | SOCK_RAW, 1); }), EPERM);
  EXPECT_EQ(behind_the_filter([=] { return syscall(SYS_ioctl, 0, kHigh | 0x5412, "x"); }), EPERM);
}

TEST(SystemCalls, ThatEveryProgramMakesGoOn) {
  EXPECT_EQ(behind_the_filter([]() -> long {
              const pid_t child = fork();
              if (child == 0) _exit(0);
              return waitpid(child, nullptr, 0);
            }),
            0);
  EXPECT_EQ(behind_the_filter([] { return open("/dev/null", O_RDWR); }), 0);
  EXPECT_EQ(behind_the_filter([] { return syscall(SYS_personality, 0xffffffff); }), 0);
}

}  // namespace
}  // namespace remuda::spawner
