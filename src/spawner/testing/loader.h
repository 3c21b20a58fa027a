// SPDX-License-Identifier: Apache-2.0
//
// A loader for tests: this very test program, started again with REMUDA_TEMPLATE in its environment. What it
// does wrong stands in the file that BEHAVIOUR names, as words, and can differ for each generation.
//
// Its forks do what QUERY_STRING says: "exit=N", "sleep", "print", "spray" (a process in its group runs on).
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "spawner/clock.h"
#include "spawner/template_protocol.h"

namespace remuda::spawner::testing_loader {

constexpr int kChannel = 3;

inline void say(const TemplateRecord& record) {
  std::vector<std::byte> packet;
  encode(record, packet);
  send(kChannel, packet.data(), packet.size(), MSG_NOSIGNAL);
}

// What a program does under exec and in a fork alike.
inline int serve(const char* how) {
  const char* const query = std::getenv("QUERY_STRING");
  const std::string wish = query != nullptr ? query : "";
  if (std::getenv("INSTANCE") != nullptr) {
    dprintf(2, "up\n");
    while (true) pause();
  }
  if (wish == "print") dprintf(1, "%s %s\n", how, std::getenv("HTTPS"));
  if (wish == "sleep") {
    dprintf(1, "%s\n", how);
    while (true) pause();
  }
  if (wish == "spray" && fork() == 0) {
    dprintf(1, "%s\n", how);
    while (true) pause();
  }
  return wish.starts_with("exit=") ? std::atoi(wish.c_str() + 5) : 0;
}

class Loader {
 public:
  explicit Loader(std::string file) : file_(std::move(file)) {
    std::ifstream words(file_);
    for (std::string word; words >> word;) words_.insert(word);
  }

  int run() {
    if (has("leave-early")) return 0;
    say(LoadStep{now_ns(), "first step"});
    printf("hello from the loader\n");
    fflush(stdout);
    if (const int code = load(); code >= 0) return code;
    say(Ready{now_ns()});
    if (has("ready-and-die")) return 4;
    if (has("close-after-ready")) {
      close(kChannel);
      while (true) pause();
    }
    while (true) {
      if (has("reap-silently") || !has("no-reaping")) reap();
      tell_changes();
      pollfd asked{.fd = kChannel, .events = POLLIN, .revents = 0};
      if (poll(&asked, 1, 5) <= 0) continue;
      if (!take_fork()) return 0;
    }
  }

 private:
  bool has(const char* word) const { return words_.contains(word); }

  // -1: go on.
  int load() {
    say(LoadStep{now_ns(), "second step"});
    if (has("exit")) {
      fprintf(stderr, "Traceback: no such module\n");
      return 3;
    }
    if (has("kill")) raise(SIGKILL);
    while (has("hang")) pause();
    if (has("slow")) usleep(300'000);
    if (has("unfit")) say(Unfit{"threads run: worker-1"});
    if (has("unfit")) return 0;
    if (has("warn")) say(Warning{"an open connection"});
    if (has("garbage")) send(kChannel, "garbage", 7, MSG_NOSIGNAL);
    if (has("nothing")) send(kChannel, "", 0, MSG_NOSIGNAL);
    if (has("oversize")) send(kChannel, std::string(20'000, 'x').data(), 20'000, MSG_NOSIGNAL);
    for (int i = 0; has("many-steps") && i < 10'000; ++i) say(LoadStep{0, std::string(4000, 's')});
    for (int i = 0; has("flood") && i < 20'000; ++i) printf("a line that nobody wants to read\n");
    fflush(stdout);
    if (has("fork-at-load") && fork() == 0) {
      while (true) pause();
    }
    if (has("foreign") && fork() == 0) {
      say(Ready{now_ns()});
      while (true) pause();
    }
    while (has("foreign")) pause();
    return -1;
  }

  void reap() {
    int status = 0;
    rusage usage{};
    for (pid_t pid = 0; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
      if (!has("reap-silently"))
        say(Ended{
            pid, status, {microseconds(usage.ru_utime), microseconds(usage.ru_stime), usage.ru_maxrss}});
    }
  }

  void tell_changes() {
    if (access((file_ + ".changed").c_str(), F_OK) != 0) return;
    unlink((file_ + ".changed").c_str());
    say(Changed{file_});
  }

  bool take_fork() {
    std::vector<std::byte> room(2 * kMaxPacket);
    iovec piece{room.data(), room.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 3)> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(kChannel, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0) return has("never-end") ? (pause(), false) : false;
    const auto wanted = decode_fork(std::span(room).first(static_cast<size_t>(got)));
    std::array<int, 3> descriptors{};
    std::memcpy(descriptors.data(), CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptors);
    answer(*wanted, descriptors);
    for (const int each : descriptors) close(each);
    return true;
  }

  void answer(const Fork& wanted, const std::array<int, 3>& descriptors) {
    if (has("mute")) return;
    if (has("die-on-fork")) _exit(1);
    if (has("stale")) return say(Refused{wanted.id, ESTALE, "the script has changed"});
    if (has("refuse")) return say(Refused{wanted.id, EAGAIN, "fork"});
    if (has("claim-itself")) return say(Forked{wanted.id});
    if (has("claim-unasked")) say(Forked{wanted.id + 1000});
    if (has("claim-ended")) {
      say(Ended{getppid(), 0, {}});
      say(Ended{1, 0, {}});
    }
    if (const pid_t pid = fork(); pid == 0) child(wanted, descriptors);
    if (has("die-after-fork")) {
      usleep(50'000);
      _exit(1);
    }
  }

  [[noreturn]] void child(const Fork& wanted, const std::array<int, 3>& descriptors) {
    if (has("grandchild") && fork() != 0) sleep(1), _exit(0);
    if (has("daemon") && fork() != 0) _exit(0);
    while (has("daemon") && getppid() != parent_of_all_) usleep(1000);
    if (!has("no-group")) setpgid(0, 0);
    for (int i = 0; i < 3; ++i) dup2(descriptors[static_cast<size_t>(i)], i);
    clearenv();
    for (std::string_view rest = wanted.environment; !rest.empty(); rest.remove_prefix(rest.find('\0') + 1))
      putenv(const_cast<char*>(rest.data()));
    if (has("late-forked")) usleep(100'000);
    std::vector<std::byte> packet;
    encode(TemplateRecord(Forked{wanted.id}), packet);
    if (send(kChannel, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) _exit(1);
    if (has("twice")) send(kChannel, packet.data(), packet.size(), MSG_NOSIGNAL);
    close_range(3, ~0U, 0);
    _exit(serve("forked"));
  }

  const pid_t parent_of_all_ = getppid();
  std::string file_;
  std::set<std::string> words_;
};

// For main(): the code to exit with, where this process is to be no test.
inline int run_if_wanted() {
  const char* const behaviour = std::getenv("BEHAVIOUR");
  if (behaviour == nullptr) return -1;
  if (const char* const name = std::getenv("REMUDA_TEMPLATE"); name != nullptr)
    return Loader(behaviour).run();
  return serve("executed");
}

}  // namespace remuda::spawner::testing_loader
