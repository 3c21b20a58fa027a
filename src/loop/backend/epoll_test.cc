// SPDX-License-Identifier: Apache-2.0
//
// The epoll backend against real sockets and pipes. How many system calls a story costs is counted at the
// seam (EpollBackend::counts), since that is what the "one recv a request" of the header promises.
#include "loop/backend/epoll.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <string>
#include <thread>
#include <vector>

#include "loop/loop.h"

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;
using base::Fd;

struct Pair {
  int near;
  Fd far;
};

std::string_view as_text(std::span<const std::byte> bytes, size_t count) {
  return {reinterpret_cast<const char*>(bytes.data()), count};
}

class EpollTest : public testing::Test {
 public:
  ~EpollTest() override { EXPECT_EQ(backend_->open_descriptors(), 0U); }

  Pair socket_pair(int type = SOCK_STREAM) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    return {ends[0], Fd(ends[1])};
  }

  // A listener on a free port of 127.0.0.1, and its address.
  Fd listen(sockaddr_in& address, int backlog = 16) {
    Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener.get(), backlog), 0);
    EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    return listener;
  }

  Fd connect_blocking(const sockaddr_in& address) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  Pair tcp_pair() {
    sockaddr_in address;
    const Fd listener = listen(address);
    Fd far = connect_blocking(address);
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
    while (Clock::now() < end) loop_.turn(Clock::now() + 1ms);
  }

  static void write(int fd, std::string_view text) {
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  // Reads until the end or an error; notes what it got: "abc|def|0" or "abc|!104".
  Task<void> read_all(int fd, size_t buffer = 100) {
    std::vector<std::byte> bytes(buffer);
    while (true) {
      const auto got = co_await loop_.receive(fd, bytes, loop_.now() + 5s);
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
      const auto sent = co_await loop_.send_message(fd, message, 0, loop_.now() + 5s);
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

// Both descriptors are ready in one batch; the first story closes the second's descriptor and opens another,
// which gets the same number and must not be given the old one's event.
TEST_F(EpollTest, ANumberThatIsUsedAgainInTheSameBatch) {
  auto first = socket_pair();
  auto second = socket_pair();
  Fd new_far;
  int new_near = -1;
  std::vector<int> order;
  Scope victims(loop_);
  auto victim = [](Loop& loop, int fd, std::vector<int>& into) -> Task<void> {
    std::byte byte;
    const auto got = co_await loop.receive(fd, {&byte, 1}, kNever);
    into.push_back(got ? 1 : got.error().code);
  };
  auto reuse = [](EpollTest& test, int fd, int doomed, Fd& far, int& near,
                  std::vector<int>& into) -> Task<void> {
    std::byte byte;
    EXPECT_TRUE(co_await test.loop_.receive(fd, {&byte, 1}, kNever));
    into.push_back(-1);
    test.loop_.close(doomed);
    auto fresh = test.socket_pair();
    near = fresh.near;
    far = std::move(fresh.far);
    EXPECT_EQ(near, doomed);
    const auto got = co_await test.loop_.receive(near, {&byte, 1}, kNever);
    into.push_back(got ? static_cast<int>(byte) : -2);
    test.loop_.close(near);
    test.loop_.close(fd);
  };
  // The doomed descriptor is known to epoll and has an event, but nobody waits on it any more.
  victims.spawn(victim(loop_, second.near, order));
  loop_.turn(loop_.now());
  victims.cancel();
  loop_.turn(loop_.now());
  ASSERT_EQ(order, std::vector{ECANCELED});
  order.clear();
  loop_.root().spawn(reuse(*this, first.near, second.near, new_far, new_near, order));
  loop_.turn(loop_.now());
  write(first.far.get(), "a");
  write(second.far.get(), "b");
  loop_.turn(loop_.now() + 1s);
  EXPECT_EQ(order, std::vector{-1});
  write(new_far.get(), "c");
  loop_.run();
  EXPECT_EQ(order, (std::vector{-1, static_cast<int>('c')}));
}

Task<void> accept_all(Loop& loop, int listener, int& accepted, int& error) {
  while (true) {
    const auto got = co_await loop.accept(listener, nullptr, kNever);
    if (!got) {
      error = got.error().code;
      break;
    }
    ++accepted;
    loop.close(*got);
  }
  loop.detach(listener);
}

TEST_F(EpollTest, TwoLoopsShareAListener) {
  for (const WakeUp wake_up : {WakeUp::kAll, WakeUp::kOne}) {
    sockaddr_in address;
    const Fd listener = listen(address, 200);
    auto backend = std::move(EpollBackend::create().value());
    int accepted[2] = {};
    int errors[2] = {};
    std::thread other([&] {
      Loop loop(*backend);
      backend->set_wake_up(listener.get(), wake_up);
      loop.root().spawn(accept_all(loop, listener.get(), accepted[1], errors[1]));
      const Time end = Clock::now() + 500ms;
      while (Clock::now() < end) loop.turn(Clock::now() + 10ms);
      loop.root().cancel();
      loop.run();
    });
    Loop loop(*backend_);
    backend_->set_wake_up(listener.get(), wake_up);
    loop.root().spawn(accept_all(loop, listener.get(), accepted[0], errors[0]));
    std::vector<Fd> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(connect_blocking(address));
    const Time end = Clock::now() + 500ms;
    while (Clock::now() < end) loop.turn(Clock::now() + 10ms);
    loop.root().cancel();
    loop.run();
    other.join();
    EXPECT_EQ(accepted[0] + accepted[1], 100);
    EXPECT_EQ(errors[0], ECANCELED);
    EXPECT_EQ(backend->open_descriptors(), 0U);
  }
}

// Nobody accepts for a while (the limit is reached, or descriptors have run out): the loop sleeps all the
// same.
TEST_F(EpollTest, AListenerNobodyAcceptsFromLetsTheLoopSleep) {
  sockaddr_in address;
  const Fd listener = listen(address);
  auto story = [](Loop& loop, int fd, int& accepted) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      const auto got = co_await loop.accept(fd, nullptr, kNever);
      EXPECT_TRUE(got);
      if (!got) break;
      ++accepted;
      loop.close(*got);
      co_await loop.sleep_until(loop.now() + 50ms);
    }
    loop.detach(fd);
  };
  int accepted = 0;
  loop_.root().spawn(story(loop_, listener.get(), accepted));
  loop_.turn(loop_.now());
  const Fd first = connect_blocking(address);
  const Fd second = connect_blocking(address);
  int turns = 0;
  while (loop_.root().children() != 0) {
    loop_.turn(kNever);
    ++turns;
  }
  EXPECT_EQ(accepted, 2);
  EXPECT_LT(turns, 20);
}

TEST_F(EpollTest, OutOfDescriptorsIsAnErrorThatPasses) {
  sockaddr_in address;
  const Fd listener = listen(address);
  const Fd client = connect_blocking(address);
  auto story = [](Loop& loop, int fd, std::vector<int>& into) -> Task<void> {
    const auto got = co_await loop.accept(fd, nullptr, loop.now() + 5s);
    into.push_back(got ? 0 : got.error().code);
    if (got) loop.close(*got);
  };
  std::vector<int> results;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  Fd probe(::dup(listener.get()));
  const rlimit tight{static_cast<rlim_t>(probe.get()), before.rlim_max};
  probe.reset();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  loop_.root().spawn(story(loop_, listener.get(), results));
  loop_.run();
  ::setrlimit(RLIMIT_NOFILE, &before);
  loop_.root().spawn(story(loop_, listener.get(), results));
  loop_.run();
  EXPECT_EQ(results, (std::vector{EMFILE, 0}));
  loop_.detach(listener.get());
}

Task<void> connect_to(Loop& loop, int fd, const sockaddr* to, socklen_t length, int& error) {
  const auto connected = co_await loop.connect(fd, to, length, loop.now() + 5s);
  error = connected ? 0 : connected.error().code;
  loop.close(fd);
}

TEST_F(EpollTest, Connects) {
  sockaddr_in address;
  Fd listener = listen(address);
  const auto* const named = reinterpret_cast<const sockaddr*>(&address);
  int error = -1;
  const auto fresh = [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); };
  loop_.root().spawn(connect_to(loop_, fresh(), named, sizeof address, error));
  loop_.run();
  EXPECT_EQ(error, 0);
  listener.reset();
  loop_.root().spawn(connect_to(loop_, fresh(), named, sizeof address, error));
  loop_.run();
  EXPECT_EQ(error, ECONNREFUSED);
}

TEST_F(EpollTest, AUnixListenerWhoseQueueIsFullIsBusy) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "epoll_test.%d", ::getpid());
  const auto* const named = reinterpret_cast<const sockaddr*>(&address);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), named, sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  int results[3] = {-1, -1, -1};
  for (int& result : results) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    loop_.root().spawn(connect_to(loop_, fd, named, sizeof address, result));
  }
  loop_.run();
  EXPECT_EQ(results[0], 0);
  EXPECT_EQ(results[2], EBUSY);
}

TEST_F(EpollTest, PacketsAreNotTakenForAnEmptySocket) {
  auto [near, far] = socket_pair(SOCK_SEQPACKET);
  write(far.get(), "first");
  write(far.get(), "second");
  auto story = [](Loop& loop, int fd, std::string& log) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      std::byte bytes[100];
      iovec part{bytes, sizeof bytes};
      msghdr message{.msg_iov = &part, .msg_iovlen = 1};
      const auto got = co_await loop.receive_message(fd, message, loop.now() + 5s);
      if (got) log += std::string(as_text(bytes, *got)) + "|";
    }
    loop.close(fd);
  };
  loop_.root().spawn(story(loop_, near, log_));
  loop_.run();
  EXPECT_EQ(log_, "first|second|");
}

TEST_F(EpollTest, SendsAFileAndSplices) {
  char path[] = "/tmp/epoll_test.XXXXXX";
  const Fd file(::mkstemp(path));
  ::unlink(path);
  write(file.get(), "0123456789");
  auto [near, far] = socket_pair();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  write(ends[1], "spliced");
  ::close(ends[1]);
  auto story = [](Loop& loop, int socket, int its_file, int pipe_end, off_t& offset) -> Task<void> {
    EXPECT_EQ((co_await loop.send_file(socket, its_file, offset, 100, kNever)).value_or(0), 6U);
    EXPECT_TRUE(co_await loop.readable(pipe_end, loop.now() + 5s));
    EXPECT_EQ((co_await loop.splice(pipe_end, socket, 100, kNever)).value_or(0), 7U);
    EXPECT_EQ((co_await loop.splice(pipe_end, socket, 100, kNever)).value_or(9), 0U);
    loop.close(pipe_end);
    loop.close(socket);
  };
  off_t offset = 4;
  loop_.root().spawn(story(loop_, near, file.get(), ends[0], offset));
  loop_.run();
  EXPECT_EQ(offset, 10);
  char got[100];
  EXPECT_EQ(std::string(got, static_cast<size_t>(::read(far.get(), got, sizeof got))), "456789spliced");
}

TEST_F(EpollTest, AChildsEndIsReadable) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::usleep(20'000);
    ::_exit(7);
  }
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  ASSERT_GE(pidfd, 0);
  ::fcntl(pidfd, F_SETFL, O_NONBLOCK);
  auto story = [](Loop& loop, int fd, pid_t pid) -> Task<void> {
    EXPECT_TRUE(co_await loop.readable(fd, loop.now() + 5s));
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, WNOHANG), pid);
    EXPECT_EQ(WEXITSTATUS(status), 7);
    loop.close(fd);
  };
  loop_.root().spawn(story(loop_, pidfd, child));
  loop_.run();
}

TEST_F(EpollTest, SignalsAreRead) {
  sigset_t mask;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGUSR1);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &mask, &before);
  const int fd = ::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
  auto story = [](Loop& loop, int signals, int& count) -> Task<void> {
    while (count < 3) {
      signalfd_siginfo info[4];
      const auto got = co_await loop.read(signals, std::as_writable_bytes(std::span(info)), loop.now() + 5s);
      if (!got) break;
      EXPECT_EQ(info[0].ssi_signo, static_cast<uint32_t>(SIGUSR1));
      count += static_cast<int>(*got / sizeof(signalfd_siginfo));
    }
    loop.close(signals);
  };
  int count = 0;
  loop_.root().spawn(story(loop_, fd, count));
  for (int i = 1; i <= 3; ++i) {
    ::raise(SIGUSR1);
    run_for(2ms);
    EXPECT_EQ(count, i);
  }
  loop_.run();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(EpollTest, ReadingAndWritingWaitBesideEachOther) {
  auto [near, far] = socket_pair();
  auto read = [](Loop& loop, int fd, std::string& log) -> Task<void> {
    std::byte bytes[10];
    const auto got = co_await loop.receive(fd, bytes, loop.now() + 5s);
    if (got) log += as_text(bytes, *got);
  };
  auto fill = [](Loop& loop, int fd, std::string& log) -> Task<void> {
    std::string much(2'000'000, 'x');
    iovec part{much.data(), much.size()};
    const msghdr message{.msg_iov = &part, .msg_iovlen = 1};
    EXPECT_TRUE(co_await loop.send_message(fd, message, 0, loop.now() + 5s));
    EXPECT_TRUE(co_await loop.send_message(fd, message, 0, loop.now() + 5s));
    log += "+more";
  };
  loop_.root().spawn(fill(loop_, near, log_));
  loop_.root().spawn(read(loop_, near, log_));
  write(far.get(), "hello");
  run_for(2ms);
  EXPECT_EQ(log_, "hello");
  std::vector<char> buffer(1'000'000);
  while (loop_.root().children() != 0) {
    while (::read(far.get(), buffer.data(), buffer.size()) > 0) {
    }
    loop_.turn(Clock::now());
  }
  EXPECT_EQ(log_, "hello+more");
  loop_.close(near);
}

TEST_F(EpollTest, AMissingDescriptorFailsAtOnce) {
  int error = 0;
  auto story = [](Loop& loop, int& into) -> Task<void> {
    std::byte byte;
    const auto got = co_await loop.receive(-1, {&byte, 1}, kNever);
    into = got ? 0 : got.error().code;
  };
  loop_.root().spawn(story(loop_, error));
  EXPECT_EQ(error, EBADF);
}

}  // namespace
}  // namespace remuda::loop
