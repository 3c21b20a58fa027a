// SPDX-License-Identifier: Apache-2.0
//
// The epoll backend against real sockets and pipes: edges, ends, deadlines. How many system calls a story
// costs is counted at the seam (EpollBackend::counts), since that is what the "one recv a request" of the
// header promises. Listeners and the other kinds of operation: epoll_kinds_test.cc.
#include "loop/backend/epoll.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

#include "loop/backend/epoll_fixture.h"

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;
using base::Fd;

TEST_F(EpollTest, DataAndTheEndInOneEdge) {
  auto [near, far] = tcp_pair();
  loop_.root().spawn(read_all(near));
  write(far.get(), "last words");
  far.reset();
  loop_.run();
  EXPECT_EQ(log_, "last words|0");
}

// The buffer is larger than the data, so the read looks as if it had emptied the socket; the end came before.
TEST_F(EpollTest, TheEndAlreadyThereWhenTheFirstReadComes) {
  for (const bool over_tcp : {true, false}) {
    auto [near, far] = over_tcp ? tcp_pair() : socket_pair();
    write(far.get(), "all");
    far.reset();
    run_for(2ms);
    log_.clear();
    loop_.root().spawn(read_all(near));
    loop_.run();
    EXPECT_EQ(log_, "all|0");
  }
}

TEST_F(EpollTest, APipeThatEnds) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  auto story = [](Loop& loop, int fd, std::string& log) -> Task<void> {
    std::byte bytes[100];
    while (true) {
      const auto got = co_await loop.read(fd, bytes, loop.now() + 5s);
      if (!got || *got == 0) break;
      log += std::string(as_text(bytes, *got)) + "|";
    }
    log += "end";
    loop.close(fd);
  };
  loop_.root().spawn(story(loop_, ends[0], log_));
  write(ends[1], "one");
  run_for(2ms);
  write(ends[1], "two");
  ::close(ends[1]);
  loop_.run();
  EXPECT_EQ(log_, "one|two|end");
}

TEST_F(EpollTest, OneReceiveARequest) {
  auto [near, far] = tcp_pair();
  loop_.root().spawn(read_all(near));
  run_for(2ms);
  const EpollBackend::Counts before = backend_->counts();
  for (int i = 0; i < 10; ++i) {
    write(far.get(), "request");
    run_for(2ms);
  }
  EXPECT_EQ(backend_->counts().performed - before.performed, 10U);
  EXPECT_EQ(backend_->counts().subscribed - before.subscribed, 0U);
  EXPECT_EQ(backend_->counts().subscribed, 1U);
  far.reset();
  loop_.run();
}

TEST_F(EpollTest, AFullBufferIsReadAgain) {
  auto [near, far] = tcp_pair();
  write(far.get(), std::string(250, 'x'));
  far.reset();
  loop_.root().spawn(read_all(near, 100));
  loop_.run();
  EXPECT_EQ(log_, std::string(100, 'x') + "|" + std::string(100, 'x') + "|" + std::string(50, 'x') + "|0");
}

TEST_F(EpollTest, AHalfClosedPeerIsStillServed) {
  auto [near, far] = tcp_pair();
  auto story = [](Loop& loop, int fd, std::string& log) -> Task<void> {
    std::byte bytes[100];
    const auto first = co_await loop.receive(fd, bytes, loop.now() + 5s);
    log += std::to_string(first.value_or(999));
    const auto end = co_await loop.receive(fd, bytes, loop.now() + 5s);
    log += std::to_string(end.value_or(999));
    std::string answer(8'000'000, 'a');
    std::span<const std::byte> rest = std::as_bytes(std::span(answer));
    while (!rest.empty()) {
      iovec part{const_cast<std::byte*>(rest.data()), rest.size()};
      const msghdr message{.msg_iov = &part, .msg_iovlen = 1};
      const auto sent = co_await loop.send_message(fd, message, 0, loop.now() + 5s);
      if (!sent) break;
      rest = rest.subspan(*sent);
    }
    if (rest.empty()) log += "sent";
    loop.close(fd);
  };
  write(far.get(), "GET");
  ::shutdown(far.get(), SHUT_WR);
  size_t received = 0;
  std::thread client([&, fd = far.get()] {
    std::vector<char> buffer(100'000);
    while (true) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got <= 0) break;
      received += static_cast<size_t>(got);
    }
  });
  loop_.root().spawn(story(loop_, near, log_));
  loop_.run();
  client.join();
  EXPECT_EQ(log_, "30sent");
  EXPECT_EQ(received, 8'000'000U);
}

Task<void> watch(Loop& loop, int fd, std::string& log) {
  const auto gone = co_await loop.hung_up(fd);
  log += gone ? "gone" : "?";
}

TEST_F(EpollTest, HangUpIsNotAHalfClose) {
  auto [near, far] = tcp_pair();
  loop_.root().spawn(watch(loop_, near, log_));
  ::shutdown(far.get(), SHUT_WR);
  run_for(10ms);
  EXPECT_EQ(log_, "");
  const linger at_once{1, 0};
  ::setsockopt(far.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  far.reset();
  loop_.run();
  EXPECT_EQ(log_, "gone");
  loop_.close(near);
}

TEST_F(EpollTest, AResetReachesTheReaderAndTheWatcher) {
  auto [near, far] = tcp_pair();
  auto read = [](Loop& loop, int fd, std::string& log) -> Task<void> {
    std::byte byte;
    const auto got = co_await loop.receive(fd, {&byte, 1}, loop.now() + 5s);
    log += got ? "data" : got.error().code == ECONNRESET ? "reset," : "?";
  };
  loop_.root().spawn(read(loop_, near, log_));
  loop_.root().spawn(watch(loop_, near, log_));
  run_for(2ms);
  const linger at_once{1, 0};
  ::setsockopt(far.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  far.reset();
  loop_.run();
  EXPECT_EQ(log_, "reset,gone");
  loop_.close(near);
}

TEST_F(EpollTest, AWriterWaitsForItsReader) {
  auto [near, far] = socket_pair();
  constexpr size_t kBytes = 3'000'000;
  loop_.root().spawn(write_all(near, std::string(kBytes, 'x')));
  run_for(2ms);
  EXPECT_EQ(log_, "");
  size_t received = 0;
  std::vector<char> buffer(65536);
  while (received < kBytes) {
    const ssize_t got = ::read(far.get(), buffer.data(), buffer.size());
    if (got > 0) received += static_cast<size_t>(got);
    loop_.turn(Clock::now());
  }
  loop_.run();
  EXPECT_EQ(log_, "sent");
  EXPECT_EQ(backend_->counts().subscribed, 1U);
}

TEST_F(EpollTest, DeadlinesAndCancellation) {
  auto [near, far] = socket_pair();
  std::vector<int> errors;
  auto read = [](Loop& loop, int fd, Time deadline, std::vector<int>& into) -> Task<void> {
    std::byte byte;
    const auto got = co_await loop.receive(fd, {&byte, 1}, deadline);
    into.push_back(got ? 0 : got.error().code);
  };
  loop_.root().spawn(read(loop_, near, loop_.now() + 10ms, errors));
  loop_.run();
  loop_.root().spawn(read(loop_, near, kNever, errors));
  loop_.cancel_reading(near);
  loop_.run();
  loop_.root().spawn(read(loop_, near, kNever, errors));
  write(far.get(), "x");
  loop_.run();
  loop_.root().spawn(read(loop_, near, kNever, errors));
  loop_.root().cancel(EPIPE);
  loop_.run();
  EXPECT_EQ(errors, (std::vector{ETIMEDOUT, ECANCELED, 0, EPIPE}));
  loop_.close(near);
}

}  // namespace
}  // namespace remuda::loop
