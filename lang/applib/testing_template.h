// SPDX-License-Identifier: Apache-2.0
//
// TemplateProgram: what the tests of remuda_template.h share. The test is the spawner, and forks a process
// that is the template; its own forks run what the test gives them.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "remuda_template.h"
#include "template_records.h"

namespace remuda::app::testing {

// A record as the spawner reads it.
struct Told {
  TemplateKind kind{};
  pid_t from = 0;
  std::string fields;

  template <class T>
  T get(size_t at) const {
    T value{};
    if (at + sizeof(T) <= fields.size()) memcpy(&value, fields.data() + at, sizeof(T));
    return value;
  }
  std::string text(size_t at) const { return fields.substr(at + 2, get<uint16_t>(at)); }
};

// The thread sanitizer has a thread of its own in every process, and templates have none.
#if defined(__has_feature) && __has_feature(thread_sanitizer)
constexpr bool kHasThreads = true;
#else
constexpr bool kHasThreads = false;
#endif

class TemplateProgram : public ::testing::Test {
 protected:
  using Load = std::function<void(remuda_template*)>;
  using Serve = std::function<int()>;

  void SetUp() override {
    if (kHasThreads) GTEST_SKIP() << "with a thread that is not the test's no process is a template";
    char name[] = "/tmp/remuda-template-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    const int on = 1;
    setsockopt(sockets_[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    const timeval patience{.tv_sec = 10};
    setsockopt(sockets_[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  void TearDown() override {
    leave();
    if (pid_ > 0) {
      EXPECT_EQ(wait_for_end(), 0) << "of the template";
    }
    while (wait(nullptr) > 0) {
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    const std::string remove = "rm -rf " + folder_;
    EXPECT_EQ(system(remove.c_str()), 0);
  }

  // The loader of the header's example.
  void start(const Load& load, const Serve& serve = [] { return 0; }) {
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) _exit(run(load, serve));
    ::close(sockets_[1]);
    sockets_[1] = -1;
  }
  int run(const Load& load, const Serve& serve) const {
    ::close(sockets_[0]);
    const std::string value = std::to_string(sockets_[1]);
    setenv("REMUDA_TEMPLATE", value.c_str(), 1);
    remuda_template* self = remuda_template_open();
    if (self == nullptr) return 90;
    load(self);
    if (remuda_template_ready(self) < 0) return errno == EBUSY ? 0 : 91;
    while (remuda_template_wait(self) > 0) {
      const pid_t pid = fork();
      if (pid == 0) return remuda_template_child(self) < 0 ? 92 : serve();
      remuda_template_parent(self, pid);
    }
    return 0;
  }
  int wait_for_end() {
    int status = -1;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  void leave() {
    for (int& fd : sockets_) {
      if (fd >= 0) ::close(fd);
      fd = -1;
    }
  }

  Told next() const {
    char bytes[8192];
    iovec part{.iov_base = bytes, .iov_len = sizeof(bytes)};
    alignas(cmsghdr) char control[128];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t size = recvmsg(sockets_[0], &message, 0);
    Told told;
    if (size < 8) return told;
    uint16_t kind;
    memcpy(&kind, bytes + 2, sizeof(kind));
    told.kind = static_cast<TemplateKind>(kind);
    told.fields.assign(bytes + 8, static_cast<size_t>(size) - 8);
    const cmsghdr* from = CMSG_FIRSTHDR(&message);
    ucred who{};
    if (from != nullptr && from->cmsg_type == SCM_CREDENTIALS) memcpy(&who, CMSG_DATA(from), sizeof(who));
    told.from = who.pid;
    return told;
  }
  Told expect(TemplateKind kind) const {
    Told told = next();
    EXPECT_EQ(told.kind, kind);
    return told;
  }
  bool quiet() const {
    pollfd what{.fd = sockets_[0], .events = POLLIN, .revents = 0};
    return poll(&what, 1, 50) == 0;
  }

  static std::string fork_record(uint64_t id, std::string_view directory, std::string_view program,
                                 std::string_view environment) {
    std::string record;
    const auto put = [&record](auto value) {
      record.append(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    put(kTemplateVersion);
    put(static_cast<uint16_t>(TemplateKind::kFork));
    put(static_cast<uint32_t>(8 + 8 + 4 + directory.size() + program.size() + environment.size()));
    put(id);
    for (const std::string_view text : {directory, program}) {
      put(static_cast<uint16_t>(text.size()));
      record += text;
    }
    return record.append(environment);
  }
  void send(const std::string& record, const std::vector<int>& descriptors) const {
    iovec part{.iov_base = const_cast<char*>(record.data()), .iov_len = record.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
      memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
    }
    ASSERT_EQ(sendmsg(sockets_[0], &message, MSG_NOSIGNAL), static_cast<ssize_t>(record.size()));
  }
  // A process whose three descriptors are /dev/null.
  void ask(uint64_t id, std::string_view directory = {}, std::string_view program = {},
           std::string_view environment = {}) const {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    send(fork_record(id, directory, program, environment), {null, null, null});
    ::close(null);
  }
  std::string file(const std::string& name, const std::string& content = "one") const {
    std::string path = folder_ + "/" + name;
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
    return path;
  }
  static void settle_clock() { usleep(20'000); }  // files made before are older than the template

  std::string folder_;
  int sockets_[2] = {-1, -1};
  pid_t pid_ = -1;
};

}  // namespace remuda::app::testing
