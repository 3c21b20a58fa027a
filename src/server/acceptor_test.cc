// SPDX-License-Identifier: Apache-2.0
//
// Who is let in, who waits, and who gives way; what a lack of descriptors does; and that nobody who has
// connected is lost at the end. In an imitated world, but for the end, which needs a real accept queue.
#include "server/acceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "http/h1/testing/scripted_service.h"
#include "loop/backend/deterministic.h"
#include "loop/backend/epoll_fixture.h"
#include "loop/backend/every_failure.h"

namespace remuda::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kLastGet = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

// One loop that accepts: everything around the acceptor.
struct Accepting {
  Accepting(loop::Loop& its_loop, int listener, uint32_t most)
      : loop(its_loop), gate(its_loop, most), acceptor(its_loop, listener, driver, gate, *log) {
    service.answer = [this](http::Exchange& exchange) { return answer(exchange); };
    driver.when_one_ends([this] { gate.leave(); });
  }

  loop::Task<void> answer(http::Exchange& exchange) {
    most_at_once = std::max(most_at_once, gate.inside());
    [[maybe_unused]] const auto slept = co_await exchange.loop.sleep_until(exchange.loop.now() + takes);
    exchange.response.status = 200;
    exchange.response.content = http::MemoryContent{"hello"};
  }
  void start() { loop.root().spawn(acceptor.run()); }
  void close() {
    gate.close();
    acceptor.wake();
    driver.close_idle();
  }

  loop::Loop& loop;
  std::vector<std::string> lines;
  std::unique_ptr<base::Log> log =
      base::Log::into([this](std::string_view line) { lines.emplace_back(line); });
  http::h1::testing::ScriptedService service;
  http::h1::Driver driver{loop, service, {.linger = 10ms}};
  Gate gate;
  Acceptor acceptor;
  loop::Duration takes{};
  uint32_t most_at_once = 0;
};

class AcceptorTest : public testing::Test {
 protected:
  // To the end of all connections, some time after which the gate closes.
  void run_for(Accepting& accepting, loop::Duration time) {
    backend_.after(time, [&accepting] { accepting.close(); });
    accepting.start();
    loop_.run();
    EXPECT_FALSE(backend_.was_stuck());
    EXPECT_EQ(backend_.open_descriptors(), 0U);
    EXPECT_EQ(accepting.gate.inside(), 0U);
  }
  int client(std::string_view request) {
    const int end = backend_.connect_to(listener_);
    EXPECT_EQ(backend_.put(end, request), request.size());
    return end;
  }
  void look_after(loop::Duration delay, int client, std::string& into) {
    backend_.after(delay, [this, client, &into] { into += backend_.take(client); });
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  int listener_ = backend_.listener();
  base::Fd somebody_waits_{::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)};  // readable, as such a listener is
};

TEST_F(AcceptorTest, ServesWhoComes) {
  Accepting accepting(loop_, listener_, 10);
  const int first = client(kLastGet);
  const int second = client(kLastGet);
  run_for(accepting, 1s);
  EXPECT_THAT(backend_.take(first), HasSubstr("hello"));
  EXPECT_THAT(backend_.take(second), HasSubstr("hello"));
  EXPECT_THAT(accepting.lines, IsEmpty());
}

TEST_F(AcceptorTest, TheSecondWaitsUntilTheFirstHasEnded) {
  Accepting accepting(loop_, listener_, 1);
  accepting.takes = 1s;
  const int first = client(kLastGet);
  const int second = client(kLastGet);
  std::string early;
  look_after(1900ms, second, early);
  run_for(accepting, 3s);
  EXPECT_THAT(backend_.take(first), HasSubstr("hello"));
  EXPECT_EQ(early, "");
  EXPECT_THAT(backend_.take(second), HasSubstr("hello"));
  EXPECT_EQ(accepting.most_at_once, 1U);
}

TEST_F(AcceptorTest, AnIdleConnectionGivesWayToAClientThatWaits) {
  Accepting accepting(loop_, listener_, 1);
  accepting.gate.add_listener(somebody_waits_.get());
  const int idle = client(kGet);
  const int second = client(kLastGet);
  std::string soon;
  look_after(500ms, second, soon);
  run_for(accepting, 1s);
  EXPECT_THAT(backend_.take(idle), HasSubstr("hello"));
  EXPECT_TRUE(backend_.input_ended(idle));
  EXPECT_THAT(soon, HasSubstr("hello"));
}

TEST_F(AcceptorTest, AnIdleConnectionStaysWhileNobodyWaits) {
  Accepting accepting(loop_, listener_, 1);
  const int idle = client(kGet);
  std::string again;
  backend_.after(5s, [&] { backend_.put(idle, kLastGet); });
  look_after(6s, idle, again);
  run_for(accepting, 7s);
  EXPECT_EQ(accepting.service.log.size(), 2U);
  EXPECT_THAT(again, AllOf(HasSubstr("hello"), HasSubstr("close")));
}

TEST_F(AcceptorTest, ABusyConnectionDoesNotGiveWay) {
  Accepting accepting(loop_, listener_, 1);
  accepting.takes = 2s;
  accepting.gate.add_listener(somebody_waits_.get());
  const int busy = client(kLastGet);
  run_for(accepting, 3s);
  EXPECT_THAT(backend_.take(busy), HasSubstr("hello"));
}

TEST_F(AcceptorTest, ALackOfDescriptorsIsSaidEveryTenSecondsAndPasses) {
  Accepting accepting(loop_, listener_, 10);
  const int waiting = client(kLastGet);
  // Each accept for 25 seconds: one now, and one after each pause of 100 ms.
  backend_.fail_operation(1, EMFILE);
  for (auto at = 50ms; at < 25s; at += 100ms)
    backend_.after(at, [this] { backend_.fail_operation(backend_.operations_started() + 1, EMFILE); });
  std::string early;
  look_after(24900ms, waiting, early);
  run_for(accepting, 26s);
  EXPECT_EQ(early, "");
  EXPECT_THAT(backend_.take(waiting), HasSubstr("hello"));
  ASSERT_EQ(accepting.lines.size(), 3U);
  EXPECT_THAT(accepting.lines[0], AllOf(HasSubstr("cannot accept connections: accept: Too many open files"),
                                        HasSubstr("workers.connections")));
}

TEST_F(AcceptorTest, AnIdleConnectionGivesWayToALackOfDescriptors) {
  Accepting accepting(loop_, listener_, 10);
  const int idle = client(kGet);
  backend_.after(1s, [&] {
    // After the two operations of a client that sends nothing comes the next accept.
    backend_.fail_operation(backend_.operations_started() + 3, EMFILE);
    backend_.connect_to(listener_);
  });
  bool gave_way = false;
  backend_.after(1500ms, [&] {
    EXPECT_THAT(backend_.take(idle), HasSubstr("hello"));
    gave_way = backend_.input_ended(idle);
  });
  run_for(accepting, 2s);
  EXPECT_TRUE(gave_way);
  EXPECT_EQ(accepting.lines.size(), 1U);
}

TEST_F(AcceptorTest, AClientThatLeftInTheQueueIsNotTold) {
  Accepting accepting(loop_, listener_, 10);
  backend_.fail_operation(1, ECONNABORTED);
  const int second = client(kLastGet);
  run_for(accepting, 1s);
  EXPECT_THAT(backend_.take(second), HasSubstr("hello"));
  EXPECT_THAT(accepting.lines, IsEmpty());
}

TEST_F(AcceptorTest, ACrowdDoesNotKeepThoseWhoAreServedFromTheirTurn) {
  Accepting accepting(loop_, listener_, 1000);
  for (int i = 0; i < 200; ++i) client(kLastGet);
  uint32_t inside_at_first_turn = 0;
  accepting.takes = 1s;
  accepting.start();
  inside_at_first_turn = accepting.gate.inside();
  EXPECT_LT(inside_at_first_turn, 100U);
  backend_.after(3s, [&accepting] { accepting.close(); });
  loop_.run();
  EXPECT_EQ(accepting.service.log.size(), 200U);
}

TEST(AcceptorFailures, LeaveNothingBehind) {
  EXPECT_THAT(loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
                const int listener = backend.listener();
                Accepting accepting(loop, listener, 1);
                accepting.takes = 10ms;
                const std::array clients{backend.connect_to(listener), backend.connect_to(listener)};
                for (const int client : clients) backend.put(client, kLastGet);
                backend.after(1s, [&accepting] { accepting.close(); });
                accepting.start();
                loop.run();
                if (backend.has_failed()) return;
                for (const int client : clients) EXPECT_THAT(backend.take(client), HasSubstr("hello"));
              }),
              IsEmpty());
}

using AcceptorEndTest = loop::EpollTest;

TEST_F(AcceptorEndTest, WhatWaitsIsServedAndTheListenerLetGo) {
  sockaddr_in address;
  const base::Fd listener = listen(address);
  std::vector<base::Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect_blocking(address));
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ASSERT_EQ(::setsockopt(clients.back().get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ASSERT_EQ(::send(clients.back().get(), kLastGet.data(), kLastGet.size(), 0),
              static_cast<ssize_t>(kLastGet.size()));
  }
  Accepting accepting(loop_, listener.get(), 1);
  accepting.gate.close();
  accepting.start();
  loop_.run();
  EXPECT_EQ(accepting.service.log.size(), 3U);
  EXPECT_EQ(backend_->open_descriptors(), 0U);
  for (const base::Fd& client : clients) {
    std::array<char, 1000> answer;
    const ssize_t got = ::recv(client.get(), answer.data(), answer.size(), MSG_WAITALL);
    ASSERT_GT(got, 0);
    EXPECT_THAT(std::string(answer.data(), static_cast<size_t>(got)), HasSubstr("hello"));
  }
}

}  // namespace
}  // namespace remuda::server
