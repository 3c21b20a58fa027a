// SPDX-License-Identifier: Apache-2.0
//
// The imitation of the kernel behaves like a kernel where stories can tell, and every_failure finds what it
// is for: a forgotten byte, a forgotten descriptor, a wait that never ends.
#include "loop/backend/deterministic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstdlib>

#include "loop/backend/every_failure.h"
#include "loop/event.h"

namespace remuda::loop {
namespace {

using base::Fd;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

std::span<std::byte> bytes_of(std::string& text) { return std::as_writable_bytes(std::span(text)); }

Task<void> send_all(Loop& loop, int fd, std::string text, Result<void>& outcome) {
  std::span<const std::byte> rest = bytes_of(text);
  while (!rest.empty()) {
    iovec part{const_cast<std::byte*>(rest.data()), rest.size()};
    const msghdr message{.msg_iov = &part, .msg_iovlen = 1};
    const auto sent = co_await loop.send_message(fd, message, 0, loop.now() + seconds(5));
    if (!sent) {
      outcome = std::unexpected(sent.error());
      co_return;
    }
    rest = rest.subspan(*sent);
  }
}

Task<void> receive_all(Loop& loop, int fd, std::string& into, int& error) {
  std::string buffer(1000, '\0');
  while (true) {
    const auto got = co_await loop.receive(fd, bytes_of(buffer), loop.now() + seconds(5));
    if (!got) error = got.error().code;
    if (!got || *got == 0) co_return;
    into.append(buffer, 0, *got);
  }
}

// Answers each byte with the same byte, until the end.
Task<void> echo(Loop& loop, LoopFd socket) {
  std::string buffer(16, '\0');
  while (true) {
    const auto got = co_await loop.receive(socket.get(), bytes_of(buffer), loop.now() + seconds(5));
    if (!got || *got == 0) co_return;
    Result<void> sent;
    co_await send_all(loop, socket.get(), buffer.substr(0, *got), sent);
    if (!sent) co_return;
  }
}

TEST(DeterministicBackend, CarriesBytesBothWaysAndTheEnd) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  EXPECT_EQ(backend.put(far, "hello"), 5U);
  backend.end_sending(far);
  loop.root().spawn(echo(loop, LoopFd(loop, Fd(near))));
  loop.run();
  EXPECT_EQ(backend.take(far), "hello");
  EXPECT_TRUE(backend.input_ended(far));
  EXPECT_FALSE(backend.is_open(near));
  EXPECT_EQ(backend.open_descriptors(), 0U);
}

TEST(DeterministicBackend, BoundedBuffersPushBack) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection(100);
  Result<void> sent;
  std::string text(1000, 'x');
  loop.root().spawn(send_all(loop, near, text, sent));
  EXPECT_EQ(backend.pending_operations(), 1U);
  std::string got;
  int error = 0;
  loop.root().spawn(receive_all(loop, far, got, error));
  while (got.size() < 1000) loop.turn(loop.now());
  EXPECT_TRUE(sent);
  loop.close(near);
  loop.run();
  EXPECT_EQ(got, text);
  EXPECT_EQ(error, 0);
  loop.close(far);
}

TEST(DeterministicBackend, AReaderThatStopsTimesTheWriterOut) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection(100);
  Result<void> sent;
  const Time began = loop.now();
  loop.root().spawn(send_all(loop, near, std::string(101, 'x'), sent));
  loop.run();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ETIMEDOUT);
  EXPECT_GE(backend.now() - began, seconds(5));
  EXPECT_LE(backend.now() - began, seconds(5) + milliseconds(2));
  loop.close(near);
}

TEST(DeterministicBackend, TheScriptHappensInItsTime) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  backend.after(seconds(3), [&] { backend.put(far, "late"); });
  backend.after(seconds(4), [&] { backend.reset(far); });
  std::string got;
  int error = 0;
  const Time began = loop.now();
  loop.root().spawn(receive_all(loop, near, got, error));
  loop.run();
  EXPECT_EQ(got, "late");
  EXPECT_EQ(error, ECONNRESET);
  EXPECT_EQ(backend.now() - began, seconds(4));
  loop.close(near);
}

TEST(DeterministicBackend, ClosingWithUnreadBytesResetsThePeer) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  backend.put(far, "unread");
  loop.close(near);
  EXPECT_TRUE(backend.is_reset(far));
}

TEST(DeterministicBackend, SendingToOneWhoLeftIsLostFirstAndFailsThen) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  loop.close(far);
  Result<void> first;
  Result<void> second;
  loop.root().spawn(send_all(loop, near, "gone", first));
  loop.root().spawn(send_all(loop, near, "gone", second));
  loop.run();
  EXPECT_TRUE(first);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EPIPE);
  loop.close(near);
}

Task<void> watch(Loop& loop, int fd, bool& gone) {
  const auto ended = co_await loop.hung_up(fd);
  gone = ended.has_value();
}

TEST(DeterministicBackend, HalfCloseIsNoHangUp) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  bool gone = false;
  loop.root().spawn(watch(loop, near, gone));
  backend.end_sending(far);
  loop.turn(loop.now());
  EXPECT_FALSE(gone);
  backend.reset(far);
  loop.run();
  EXPECT_TRUE(gone);
  loop.close(near);
}

Task<void> accept_some(Loop& loop, int listener, int how_many) {
  for (int i = 0; i < how_many; ++i) {
    sockaddr_storage peer{};
    const auto accepted = co_await loop.accept(listener, &peer, kNever);
    if (!accepted) break;
    EXPECT_EQ(peer.ss_family, AF_INET);
    loop.root().spawn(echo(loop, LoopFd(loop, Fd(*accepted))));
  }
  loop.detach(listener);
}

TEST(DeterministicBackend, AcceptsAndConnects) {
  DeterministicBackend backend;
  Loop loop(backend);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  const auto* const named = reinterpret_cast<const sockaddr*>(&address);
  const int listener = backend.listener(named, sizeof address);
  loop.root().spawn(accept_some(loop, listener, 2));
  const int far = backend.connect_to(listener);
  const int connecting = backend.socket();
  std::string answer;
  int error = 0;
  auto story = [](Loop& its_loop, int fd, const sockaddr* to, std::string& got, int& failure) -> Task<void> {
    const auto connected = co_await its_loop.connect(fd, to, sizeof(sockaddr_in), kNever);
    EXPECT_TRUE(connected);
    Result<void> sent;
    co_await send_all(its_loop, fd, "over there", sent);
    its_loop.end_sending(fd);
    co_await receive_all(its_loop, fd, got, failure);
    its_loop.close(fd);
  };
  loop.root().spawn(story(loop, connecting, named, answer, error));
  backend.put(far, "here");
  backend.end_sending(far);
  loop.run();
  EXPECT_EQ(answer, "over there");
  EXPECT_EQ(backend.take(far), "here");
  EXPECT_EQ(backend.open_descriptors(), 0U);
}

Task<void> try_to_connect(Loop& loop, int fd, const sockaddr* to, int& error) {
  const auto connected = co_await loop.connect(fd, to, sizeof(sockaddr_in), loop.now() + seconds(1));
  error = connected ? 0 : connected.error().code;
  loop.close(fd);
}

TEST(DeterministicBackend, RefusesAndSwallowsConnections) {
  DeterministicBackend backend;
  Loop loop(backend);
  sockaddr_in nobody{};
  nobody.sin_port = 1;
  sockaddr_in hole{};
  hole.sin_port = 2;
  backend.make_black_hole(reinterpret_cast<const sockaddr*>(&hole), sizeof hole);
  int refused = 0;
  int swallowed = 0;
  loop.root().spawn(
      try_to_connect(loop, backend.socket(), reinterpret_cast<const sockaddr*>(&nobody), refused));
  loop.root().spawn(
      try_to_connect(loop, backend.socket(), reinterpret_cast<const sockaddr*>(&hole), swallowed));
  loop.run();
  EXPECT_EQ(refused, ECONNREFUSED);
  EXPECT_EQ(swallowed, ETIMEDOUT);
}

Task<void> send_whole_file(Loop& loop, int socket, int file, size_t length, off_t& offset) {
  while (static_cast<size_t>(offset) < length) {
    const auto sent = co_await loop.send_file(socket, file, offset, length - static_cast<size_t>(offset),
                                              loop.now() + seconds(1));
    if (!sent || *sent == 0) co_return;
  }
}

TEST(DeterministicBackend, SendsFilesFromMemoryAndFromDisk) {
  DeterministicBackend backend;
  Loop loop(backend);
  char path[] = "/tmp/deterministic_test.XXXXXX";
  const Fd on_disk(::mkstemp(path));
  ::unlink(path);
  ASSERT_EQ(::write(on_disk.get(), "from disk", 9), 9);
  const int in_memory = backend.file("from memory, ");
  const auto [near, far] = backend.connection();
  off_t first = 0;
  off_t second = 0;
  loop.root().spawn(send_whole_file(loop, near, in_memory, 13, first));
  loop.root().spawn(send_whole_file(loop, near, on_disk.get(), 9, second));
  loop.run();
  EXPECT_EQ(backend.take(far), "from memory, from disk");
  EXPECT_EQ(first, 13);
  EXPECT_EQ(second, 9);
  loop.close(near);
}

TEST(DeterministicBackend, SplicesFromAPipe) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [read, write] = backend.pipe();
  const auto [near, far] = backend.connection(4);
  auto story = [](Loop& its_loop, int from, int to) -> Task<void> {
    while (true) {
      if (!co_await its_loop.readable(from, kNever)) break;
      const auto moved = co_await its_loop.splice(from, to, 100, kNever);
      if (!moved || *moved == 0) break;
    }
    its_loop.close(from);
    its_loop.close(to);
  };
  loop.root().spawn(story(loop, read, near));
  backend.put(write, "splice");
  backend.close(write);
  loop.turn(loop.now());
  EXPECT_EQ(backend.take(far), "spli");
  loop.run();
  EXPECT_EQ(backend.take(far), "ce");
}

TEST(DeterministicBackend, PipesBreakAndSignalsAreRaised) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [read, write] = backend.pipe();
  loop.close(read);
  int error = 0;
  auto story = [](Loop& its_loop, int pipe_end, int& failure) -> Task<void> {
    const auto written = co_await its_loop.write(pipe_end, std::as_bytes(std::span("x")), kNever);
    failure = written ? 0 : written.error().code;
    its_loop.close(pipe_end);
  };
  loop.root().spawn(story(loop, write, error));
  EXPECT_EQ(error, EPIPE);

  const int child = backend.signal();
  auto waiting = [](Loop& its_loop, int pidfd) -> Task<void> {
    EXPECT_TRUE(co_await its_loop.readable(pidfd, kNever));
    its_loop.close(pidfd);
  };
  loop.root().spawn(waiting(loop, child));
  backend.after(seconds(1), [&] { backend.set_readable(child); });
  loop.run();
}

TEST(DeterministicBackend, SaysWhenEverybodyWaitsForEver) {
  DeterministicBackend backend;
  Loop loop(backend);
  const auto [near, far] = backend.connection();
  bool gone = true;
  loop.root().spawn(watch(loop, near, gone));
  loop.run();
  EXPECT_TRUE(backend.was_stuck());
  EXPECT_FALSE(gone);
  loop.close(near);
}

TEST(EveryFailure, AStoryThatIsInOrderPasses) {
  size_t runs = 0;
  EXPECT_THAT(run_under_every_failure([&](DeterministicBackend& backend, Loop& loop) {
                ++runs;
                const auto [near, far] = backend.connection();
                backend.put(far, "hello");
                backend.end_sending(far);
                loop.root().spawn(echo(loop, LoopFd(loop, Fd(near))));
                loop.run();
                if (!backend.has_failed()) EXPECT_EQ(backend.take(far), "hello");
              }),
              IsEmpty());
  EXPECT_EQ(runs, 2 + 3 * kUsualErrors.size());  // receive, send, receive
}

TEST(EveryFailure, FindsTheDescriptorThatAnErrorLeavesOpen) {
  const auto complaints = run_under_every_failure([](DeterministicBackend& backend, Loop& loop) {
    const auto [near, far] = backend.connection();
    backend.put(far, "x");
    auto careless = [](Loop& its_loop, int fd) -> Task<void> {
      std::string buffer(10, '\0');
      const auto got = co_await its_loop.receive(fd, bytes_of(buffer), kNever);
      if (!got) co_return;
      its_loop.close(fd);
    };
    loop.root().spawn(careless(loop, near));
  });
  ASSERT_EQ(complaints.size(), kUsualErrors.size());
  EXPECT_THAT(complaints[0], HasSubstr("operation 1 fails with ECONNRESET: 1 descriptors left open"));
}

TEST(EveryFailure, FindsTheWaitThatNeverEnds) {
  const auto complaints = run_under_every_failure([](DeterministicBackend&, Loop& loop) {
    auto forgotten = [](Loop& its_loop) -> Task<void> {
      Event never(its_loop);
      [[maybe_unused]] const auto waited = co_await never.wait(kNever);
    };
    loop.root().spawn(forgotten(loop));
  });
  ASSERT_FALSE(complaints.empty());
  EXPECT_THAT(complaints[0], HasSubstr("no failure: 1 story waited for ever"));
}

}  // namespace
}  // namespace remuda::loop
