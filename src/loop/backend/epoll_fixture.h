// SPDX-License-Identifier: Apache-2.0
//
// EpollTest: what the tests of the epoll backend share: a loop on a real backend, pairs of real sockets, and
// stories that read and write and note what happened. At the end no descriptor may be left to the loop.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "loop/backend/epoll.h"
#include "loop/loop.h"

namespace remuda::loop {

struct Pair {
  int near;
  base::Fd far;
};

inline std::string_view as_text(std::span<const std::byte> bytes, size_t count) {
  return {reinterpret_cast<const char*>(bytes.data()), count};
}

class EpollTest : public testing::Test {
 public:
  ~EpollTest() override { EXPECT_EQ(backend_->open_descriptors(), 0U); }

  Pair socket_pair(int type = SOCK_STREAM) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    return {ends[0], base::Fd(ends[1])};
  }

  // A listener on a free port of 127.0.0.1, and its address.
  base::Fd listen(sockaddr_in& address, int backlog = 16) {
    base::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener.get(), backlog), 0);
    EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    return listener;
  }

  base::Fd connect_blocking(const sockaddr_in& address) {
    base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  Pair tcp_pair() {
    sockaddr_in address;
    const base::Fd listener = listen(address);
    base::Fd far = connect_blocking(address);
    int near = -1;
    // accept may find the connection a moment after connect has returned
    for (int tries = 0; near < 0 && tries < 100; ++tries) {
      near = ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (near < 0) ::usleep(1000);
    }
    EXPECT_GE(near, 0);
    return {near, std::move(far)};
  }

  void run_for(Duration duration) {
    const Time end = Clock::now() + duration;
    while (Clock::now() < end) loop_.turn(Clock::now() + std::chrono::milliseconds(1));
  }

  static void write(int fd, std::string_view text) {
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  // Reads until the end or an error; notes what it got: "abc|def|0" or "abc|!104".
  Task<void> read_all(int fd, size_t buffer = 100) {
    std::vector<std::byte> bytes(buffer);
    while (true) {
      const auto got = co_await loop_.receive(fd, bytes, loop_.now() + std::chrono::seconds(5));
      if (!got) {
        log_ += "!" + std::to_string(got.error().code);
        break;
      }
      if (*got == 0) {
        log_ += "0";
        break;
      }
      log_ += std::string(as_text(bytes, *got)) + "|";
    }
    loop_.close(fd);
  }

  Task<void> write_all(int fd, std::string text) {
    std::span<const std::byte> rest = std::as_bytes(std::span(text));
    while (!rest.empty()) {
      iovec part{const_cast<std::byte*>(rest.data()), rest.size()};
      const msghdr message{.msg_iov = &part, .msg_iovlen = 1};
      const auto sent = co_await loop_.send_message(fd, message, 0, loop_.now() + std::chrono::seconds(5));
      if (!sent) {
        log_ += "!" + std::to_string(sent.error().code);
        break;
      }
      rest = rest.subspan(*sent);
    }
    log_ += "sent";
    loop_.close(fd);
  }

  std::unique_ptr<EpollBackend> backend_ = std::move(EpollBackend::create().value());
  Loop loop_{*backend_};
  std::string log_;
};

}  // namespace remuda::loop
