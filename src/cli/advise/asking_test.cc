// SPDX-License-Identifier: Apache-2.0
//
// Asking a server that says what each test tells it to.
#include "cli/advise/asking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <list>
#include <thread>

namespace remuda::cli::advise {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

// One connection after the other; to each request the next of the answers, the last again and again. An empty
// answer is none: silence.
class Server {
 public:
  explicit Server(std::vector<std::string> answers) : answers_(std::move(answers)) {
    std::string pattern = std::filesystem::temp_directory_path() / "remuda_advise_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket().copy(address.sun_path, sizeof address.sun_path - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    over_ = true;
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  std::string socket() const { return directory_ + "/http"; }
  int connections() const { return accepted_; }

 private:
  void serve() {
    std::list<base::Fd> clients;
    while (!over_) {
      std::vector<pollfd> asked{{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
      for (const base::Fd& client : clients)
        asked.push_back({.fd = client.get(), .events = POLLIN, .revents = 0});
      ::poll(asked.data(), asked.size(), 5);
      size_t place = 1;
      for (auto client = clients.begin(); client != clients.end(); ++place) {
        const bool stays = asked[place].revents == 0 || answer(client->get());
        client = stays ? std::next(client) : clients.erase(client);
      }
      if (asked[0].revents == 0) continue;
      clients.emplace_back(::accept(listener_.get(), nullptr, nullptr));
      ++accepted_;
    }
  }

  // Whether the connection goes on.
  bool answer(int client) {
    std::array<char, 4096> room;
    if (::recv(client, room.data(), room.size(), 0) <= 0) return false;
    const std::string& text = answers_[std::min(said_++, answers_.size() - 1)];
    ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
    return text.empty() || text.find("Content-Length") != std::string::npos;
  }

  std::vector<std::string> answers_;
  std::string directory_;
  base::Fd listener_;
  size_t said_ = 0;
  std::atomic<bool> over_ = false;
  std::atomic<int> accepted_ = 0;
  std::thread thread_;
};

Answers ask_all(const Server& server, uint32_t requests, uint32_t at_once = 1) {
  Interrupt interrupt;
  return ask({server.socket(), "host", "/path"},
             {.requests = requests, .at_once = at_once, .most = std::chrono::seconds(5)}, interrupt);
}

TEST(Asking, KeepsItsConnections) {
  const Server server({std::string(kHello)});
  const Answers answers = ask_all(server, 20, 3);
  EXPECT_EQ(answers.answered(), 20);
  EXPECT_EQ(answers.sent, 20);
  EXPECT_EQ(answers.statuses.at(200), 20);
  EXPECT_EQ(answers.failed + answers.unfinished, 0);
  EXPECT_TRUE(answers.content.is_constant);
  EXPECT_EQ(answers.content.size, 5);
  EXPECT_TRUE(std::ranges::is_sorted(answers.latencies));
  EXPECT_EQ(server.connections(), 3);
}

TEST(Asking, AnAnswerMayEndWithItsConnection) {
  const Server server({"HTTP/1.1 200 OK\r\n\r\nhello"});
  const Answers answers = ask_all(server, 4);
  EXPECT_EQ(answers.answered(), 4);
  EXPECT_EQ(answers.content.size, 5);
  EXPECT_EQ(server.connections(), 4);
}

TEST(Asking, SeesThatAnswersChange) {
  const Server server({std::string(kHello), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo"});
  EXPECT_FALSE(ask_all(server, 3).content.is_constant);
}

TEST(Asking, CountsFailuresAndSaysTheFirst) {
  const Server server({std::string(kHello), "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
                       "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"});
  const Answers answers = ask_all(server, 3);
  EXPECT_EQ(answers.answered(), 1);
  EXPECT_EQ(answers.failed, 2);
  EXPECT_EQ(answers.first_failure, "502 Bad Gateway");
}

TEST(Asking, WhatBreaksOffIsAFailure) {
  const Server cut({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"});
  EXPECT_EQ(ask_all(cut, 1).first_failure, "the answer broke off before its end");
  const Server strange({"hello\r\n"});
  EXPECT_THAT(ask_all(strange, 1).first_failure, HasSubstr("the answer is not HTTP"));
}

TEST(Asking, EndsInTime) {
  const Server server({std::string(kHello), ""});
  Interrupt interrupt;
  const Answers answers =
      ask({server.socket(), "host", "/"},
          {.requests = 9, .at_once = 1, .most = std::chrono::milliseconds(100)}, interrupt);
  EXPECT_EQ(answers.answered(), 1);
  EXPECT_EQ(answers.sent, 2);
  EXPECT_EQ(answers.unfinished, 8);
}

TEST(Asking, EndsWhenInterrupted) {
  Interrupt interrupt;  // first: the server's thread is not to get the signal either
  const Server server({""});
  ::kill(::getpid(), SIGINT);
  const Answers answers = ask({server.socket(), "host", "/"},
                              {.requests = 1, .at_once = 1, .most = std::chrono::seconds(60)}, interrupt);
  EXPECT_EQ(answers.unfinished, 1);
  EXPECT_EQ(interrupt.number(), SIGINT);
}

TEST(Asking, NobodyIsThere) {
  Interrupt interrupt;
  const Answers answers = ask({"/nowhere/socket", "host", "/"},
                              {.requests = 2, .at_once = 2, .most = std::chrono::seconds(5)}, interrupt);
  EXPECT_EQ(answers.failed, 2);
  EXPECT_EQ(answers.first_failure, "cannot connect: No such file or directory");
}

}  // namespace
}  // namespace remuda::cli::advise
