// SPDX-License-Identifier: Apache-2.0
//
// Program: what the tests of remuda_app.h share. The test is the server at one end of a socket pair, and the
// program at the other end, in one process.
#pragma once

#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "remuda_app.h"
#include "testing.h"

namespace remuda::app::testing {

inline bool is_readable(int fd) {
  pollfd what{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&what, 1, 0) == 1;
}

// A request whose body nobody reads before it has more than what waits in memory. It has no end.
inline std::string unread_body() {
  std::string wire = begin(1) + stream(RecordType::kParams, 1, "");
  for (int i = 0; i < 40; ++i) wire += record(RecordType::kStdin, 1, std::string(60'000, 'b'));
  return wire;
}

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_), 0);
    be_patient();
    options_.fd = sockets_[1];
    options_.keep_signals = 1;
  }
  void TearDown() override {
    leave();
    if (app_ != nullptr) {
      EXPECT_EQ(remuda_close(app_), 0);
    }
  }

  void open() {
    app_ = remuda_open(&options_);
    ASSERT_NE(app_, nullptr);
  }
  int server() const { return sockets_[0]; }
  void be_patient() const {
    const timeval patience{.tv_sec = 10};
    setsockopt(server(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  void leave() {
    if (sockets_[0] >= 0) ::close(sockets_[0]);
    sockets_[0] = -1;
  }
  void send(const std::string& bytes) const {
    ASSERT_EQ(::send(server(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void read_some() {
    char bytes[65536];
    const ssize_t got = recv(server(), bytes, sizeof(bytes), 0);
    ASSERT_GT(got, 0);
    answers_.feed(std::string_view(bytes, static_cast<size_t>(got)));
    ASSERT_EQ(answers_.fault, "");
  }
  Answer& wait_for(uint16_t id) {
    while (!answers_[id].ended && !HasFatalFailure()) read_some();
    return answers_[id];
  }

  template <class Turn>
  size_t push(std::string_view bytes, Turn turn);

  int sockets_[2] = {-1, -1};
  remuda_options options_ = REMUDA_OPTIONS;
  remuda_app* app_ = nullptr;
  Answers answers_;
};

// The same with a program that listens.
class Listening : public Program {
 protected:
  void SetUp() override {
    sockets_[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr family{.sa_family = AF_UNIX, .sa_data = {}};  // alone: the kernel chooses a name
    ASSERT_EQ(bind(sockets_[1], &family, sizeof(family.sa_family)), 0);
    ASSERT_EQ(listen(sockets_[1], 64), 0);
    size_ = sizeof(name_);
    ASSERT_EQ(getsockname(sockets_[1], reinterpret_cast<sockaddr*>(&name_), &size_), 0);
    options_.fd = sockets_[1];
    options_.keep_signals = 1;
  }
  void TearDown() override {
    Program::TearDown();
    ::close(sockets_[1]);
  }
  // Another connection takes the place of the one before.
  void connect() {
    leave();
    answers_ = Answers();
    sockets_[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(server(), reinterpret_cast<sockaddr*>(&name_), size_), 0);
    be_patient();
  }

  sockaddr_storage name_{};
  socklen_t size_ = 0;
};

// Sends as much as the connection takes while `turn` is done again and again, or all of it.
template <class Turn>
size_t Program::push(std::string_view bytes, Turn turn) {
  size_t sent = 0;
  for (int idle = 0; sent < bytes.size() && idle < 50;) {
    const ssize_t taken =
        ::send(server(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    idle = taken > 0 ? 0 : idle + 1;
    if (taken > 0) sent += static_cast<size_t>(taken);
    if (turn()) break;
    if (taken <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return sent;
}

}  // namespace remuda::app::testing
