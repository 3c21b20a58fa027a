// SPDX-License-Identifier: Apache-2.0
//
// SpawnerFixture: a real spawner, forked by the test, which is its supervisor and its only worker.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "spawner/channel.h"
#include "spawner/protocol.h"
#include "spawner/spawner.h"

namespace remuda::spawner {

struct Pipe {
  base::Fd read;
  base::Fd write;
};

inline Pipe make_pipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {base::Fd(ends[0]), base::Fd(ends[1])};
}

inline std::string read_all(const base::Fd& fd) {
  std::string text;
  std::array<char, 4096> room;
  for (ssize_t got = 0; (got = read(fd.get(), room.data(), room.size())) > 0;) text.append(room.data(), got);
  return text;
}

inline bool gone(pid_t pid) {
  for (int i = 0; i < 300; ++i) {
    if (kill(pid, 0) < 0 && errno == ESRCH) return true;
    waitpid(pid, nullptr, WNOHANG);  // an orphan is ours: we are its reaper
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class SpawnerFixture : public testing::Test {
 protected:
  void SetUp() override {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    directory_ = std::filesystem::temp_directory_path() / ("remuda-spawner-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_ / "sub");
    options_.kill_after = std::chrono::milliseconds(300);
    options_.supervisor = getpid();
    AppRules rules{.name = "cgi", .root = directory_.string()};
    rules.environment = {"PATH=/usr/bin:/bin", "HTTPS=configured"};
    options_.apps.push_back(rules);
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_ = std::move(*pair);
    options_.channels = {{.socket = channel_.spawner.get(), .what = {.serial = 1, .place = 0}}};
    start();
  }
  void TearDown() override {
    stop();
    while (waitpid(-1, nullptr, WNOHANG) > 0) {  // what a spawner that was killed has left to us
    }
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto control = make_socket_pair();
    ASSERT_TRUE(control);
    spawner_ = fork();
    if (spawner_ == 0) {
      control->worker.reset();
      channel_.worker.reset();
      options_.control = control->spawner.release();
      _exit(run(options_));
    }
    control_ = std::move(control->worker);
    ++options_.generation;
    EXPECT_TRUE(std::holds_alternative<Hello>(reply()));
  }
  int stop() {
    control_.reset();
    int status = -1;
    if (spawner_ > 0) waitpid(spawner_, &status, 0);
    spawner_ = -1;
    return status;
  }

  std::string script(const std::string& name, const std::string& text, mode_t mode = 0755) {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path.string();
  }

  struct Pipes {
    base::Fd output;
    base::Fd errors;
  };
  Pipes spawn(uint64_t id, const std::string& program,
              const std::string& environment = std::string("QUERY_STRING=\0", 14), uint32_t app = 0) {
    Pipe output = make_pipe();
    Pipe errors = make_pipe();
    std::vector<std::byte> packet;
    encode_head({.id = id, .app = app, .program = program}, environment.size(), packet);
    const auto* const bytes = reinterpret_cast<const std::byte*>(environment.data());
    packet.insert(packet.end(), bytes, bytes + environment.size());
    send(packet, {output.write.get(), errors.write.get()});
    return {std::move(output.read), std::move(errors.read)};
  }
  void send(const std::vector<std::byte>& packet, std::vector<int> descriptors = {}) {
    iovec piece{const_cast<std::byte*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 3)> room{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = room.data();
      message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
      cmsghdr* const head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
      std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof(int) * descriptors.size());
    }
    EXPECT_GE(sendmsg(channel_.worker.get(), &message, MSG_NOSIGNAL), 0) << strerror(errno);
  }
  void signal(uint64_t id, pid_t pid, int number) {
    std::vector<std::byte> packet;
    encode(Signal{id, pid, number}, packet);
    send(packet);
  }

  // The next one; its packet stays alive until the one after.
  Reply reply() {
    if (rest_.empty()) {
      pollfd waiting{.fd = channel_.worker.get(), .events = POLLIN, .revents = 0};
      EXPECT_EQ(poll(&waiting, 1, 5000), 1) << "no reply";
      received_ = {};
      EXPECT_EQ(receive_packet(channel_.worker.get(), room_, received_), Reception::kPacket);
      rest_ = received_.packet;
    }
    const auto decoded = decode_reply(rest_);
    EXPECT_TRUE(decoded);
    return decoded.value_or(Reply(Hello{}));
  }

  Failed failed_next() {
    Reply next = reply();
    return std::get<Failed>(next);
  }
  // A program that takes a while is announced before.
  Exited exited_next() {
    Reply next = reply();
    if (std::holds_alternative<Started>(next)) next = reply();
    return std::get<Exited>(next);
  }

  std::filesystem::path directory_;
  Options options_;
  SocketPair channel_;
  base::Fd control_;
  pid_t spawner_ = -1;
  std::vector<std::byte> room_ = std::vector<std::byte>(kMaxPacket + 1);
  Received received_;
  std::span<const std::byte> rest_;
};

}  // namespace remuda::spawner
