// SPDX-License-Identifier: Apache-2.0
//
// The epoll backend and every kind of descriptor: listeners that loops share, connections to be made,
// packets, files, children, signals, and numbers that are used again.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <numeric>
#include <thread>

#include "loop/backend/epoll.h"
#include "loop/backend/epoll_fixture.h"

namespace remuda::loop {
namespace {

using namespace std::chrono_literals;
using base::Fd;

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

// Connections that come one at a time go round: the kernel alone would give all of them to one loop.
TEST_F(EpollTest, LoopsThatShareAListenerAcceptInTurn) {
  constexpr int kLoops = 3;
  constexpr int kConnections = 60;
  sockaddr_in address;
  const Fd listener = listen(address, 200);
  std::array<std::atomic<int>, kLoops> accepted{};
  std::atomic<bool> over = false;
  const auto serve = [&](std::atomic<int>& count) {
    auto backend = std::move(EpollBackend::create().value());
    Loop loop(*backend);
    backend->set_wake_up(listener.get(), WakeUp::kOne);
    int number = 0;
    int error = 0;
    loop.root().spawn(accept_all(loop, listener.get(), number, error));
    while (!over) {
      loop.turn(Clock::now() + 10ms);
      count = number;
    }
    loop.root().cancel();
    loop.run();
  };
  const auto sum = [&] { return std::accumulate(accepted.begin(), accepted.end(), 0); };
  std::vector<std::thread> threads;
  for (auto& count : accepted) threads.emplace_back([&] { serve(count); });
  std::vector<Fd> clients;
  const Time end = Clock::now() + 20s;
  for (int i = 1; i <= kConnections; ++i) {
    clients.push_back(connect_blocking(address));
    while (sum() < i && Clock::now() < end) std::this_thread::sleep_for(1ms);
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum(), kConnections);
  for (const auto& count : accepted) EXPECT_GE(count, kConnections / kLoops / 4);
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
