// SPDX-License-Identifier: Apache-2.0
//
// RealApplication: a program on a private listening socket, as a FastCGI server starts it (section 2.2): the
// socket is its descriptor 0. SocketEndpoint: how a wire reaches it.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/endpoint.h"
#include "base/check.h"
#include "loop/loop.h"

namespace remuda::testing {

inline sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

class RealApplication {
 public:
  RealApplication(const std::string& socket_path, const std::vector<std::string>& command,
                  const std::vector<std::string>& environment = {}) {
    base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = unix_address(socket_path);
    ::unlink(socket_path.c_str());
    CHECK(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener.get(), 64) == 0);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(listener.get(), 0);
    for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ~RealApplication() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  RealApplication(const RealApplication&) = delete;
  RealApplication& operator=(const RealApplication&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

class SocketEndpoint final : public apps::Endpoint {
 public:
  SocketEndpoint(loop::Loop& loop, std::string path) : loop_(loop), path_(std::move(path)) { rules.idle = 8; }

  uint64_t id() const override { return 1; }
  std::string_view name() const override { return "real"; }
  loop::Task<base::Result<loop::LoopFd>> connect(loop::Time deadline) override {
    ++connects;
    base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) co_return base::failure_from_errno("socket");
    loop::LoopFd owner(loop_, std::move(socket));
    const sockaddr_un address = unix_address(path_);
    const auto connected = co_await loop_.connect(owner.get(), reinterpret_cast<const sockaddr*>(&address),
                                                  sizeof address, deadline);
    if (!connected) co_return std::unexpected(connected.error());
    co_return owner;
  }
  const apps::KeepRules& keep_rules() const override { return rules; }
  apps::Capacity capacity() const override { return its_capacity; }
  void learned(const apps::Capacity& capacity) override { its_capacity = capacity; }
  void cannot_keep_connections() override { rules.idle = 0; }

  apps::KeepRules rules;
  apps::Capacity its_capacity;
  int connects = 0;

 private:
  loop::Loop& loop_;
  const std::string path_;
};

}  // namespace remuda::testing
