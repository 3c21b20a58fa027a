// SPDX-License-Identifier: Apache-2.0
//
// driver_budget [COUNT]: what a keep-alive GET of a small response from memory costs the HTTP/1.1 driver
// on a real EpollBackend, counted and not timed. Client and server take turns in one thread over a socket
// pair, so the counts are the same each time.
//
//     malloc calls a request             0       (by this program's own malloc, which counts)
//     recv, sendmsg, epoll_wait          1 each  (the same way)
//     bytes of an idle connection        kIdleBytes at most, by what malloc handed out
//
// Ends with 1 and says which budget was exceeded. driver_budget.py runs it under callgrind with two COUNTs.
#undef _FORTIFY_SOURCE  // its inline recv would stand in the way of the one below
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "http/h1/driver.h"
#include "loop/backend/epoll.h"

namespace {

struct Counts {
  long allocations = 0;
  long allocated_bytes = 0;
  long receives = 0;
  long sends = 0;
  long waits = 0;
  long controls = 0;
};

constinit Counts counts;

}  // namespace

// The C library's own, counted. Definitions in the program come before those of shared libraries.
extern "C" {
void* __libc_malloc(size_t bytes);
void __libc_free(void* memory);

void* malloc(size_t bytes) {
  void* const memory = __libc_malloc(bytes);
  ++counts.allocations;
  counts.allocated_bytes += static_cast<long>(malloc_usable_size(memory) + sizeof(size_t));
  return memory;
}
void free(void* memory) {
  if (memory != nullptr)
    counts.allocated_bytes -= static_cast<long>(malloc_usable_size(memory) + sizeof(size_t));
  __libc_free(memory);
}
ssize_t recv(int fd, void* into, size_t length, int flags) {
  ++counts.receives;
  return ::recvfrom(fd, into, length, flags, nullptr, nullptr);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  ++counts.sends;
  return ::syscall(SYS_sendmsg, fd, message, flags);
}
int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  ++counts.waits;
  return ::epoll_pwait(epoll, events, most, timeout, nullptr);
}
int epoll_ctl(int epoll, int action, int fd, epoll_event* event) noexcept {
  ++counts.controls;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, action, fd, event));
}
}

namespace remuda::http::h1 {
namespace {

constexpr std::string_view kRequest =
    "GET /static/page.html?lang=en HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "\r\n";

constexpr int kConnections = 1000;
constexpr int kWarmUp = 100;
constexpr long kIdleBytes = 450;
// The clients' numbers stand apart: the backend's table is as long as the server's numbers are high.
constexpr int kFirstServer = 100;
constexpr int kFirstClient = 4000;
constexpr int kDescriptors = 7000;

// Content from memory, as the file cache gives it.
class Page final : public Service {
 public:
  loop::Task<void> handle(Exchange& exchange) override {
    exchange.response.status = 200;
    exchange.response.prepared_fields =
        "Content-Type: text/html; charset=utf-8\r\nETag: \"5f3759df\"\r\n"
        "Last-Modified: Sat, 21 Nov 2026 08:00:00 GMT\r\n";
    exchange.response.content = MemoryContent{{content_.data(), content_.size()}};
    co_return;
  }
  void refuse(Exchange& exchange, int status, std::string_view) override {
    exchange.response.status = status;
  }
  void finished(const Exchange&, const Record& record) override { complete_ += record.complete ? 1 : 0; }
  bool should_close() override { return false; }
  uint64_t next_request_id() override { return ++last_id_; }

  long complete() const { return complete_; }

 private:
  std::array<char, 1024> content_{};
  long complete_ = 0;
  uint64_t last_id_ = 0;
};

struct Server {
  std::unique_ptr<loop::EpollBackend> backend = std::move(loop::EpollBackend::create().value());
  loop::Loop loop{*backend};
  Page page;
  Driver driver{loop, page, {}};

  // Returns the client's end.
  int connect() {
    std::array<int, 2> ends{};
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const int server = move_to(ends[0], kFirstServer + connected_);
    const int client = move_to(ends[1], kFirstClient + connected_);
    ++connected_;
    loop.root().spawn(driver.serve(loop::LoopFd(loop, base::Fd(server)), Address()));
    return client;
  }

  void request(int client) {
    CHECK(::write(client, kRequest.data(), kRequest.size()) == static_cast<ssize_t>(kRequest.size()));
    const long before = page.complete();
    while (page.complete() == before) loop.turn(loop::kNever);
    std::array<char, 4096> response;
    CHECK(::read(client, response.data(), response.size()) > 1024);
  }

 private:
  static int move_to(int from, int to) {
    CHECK(::dup3(from, to, O_CLOEXEC) == to);
    ::close(from);
    return to;
  }

  int connected_ = 0;
};

bool within(std::string_view what, double found, double most) {
  fmt::print("{:<42} {:8.2f}   (at most {})\n", what, found, most);
  return found <= most;
}

bool check_requests(Server& server, int count) {
  const int client = server.connect();
  for (int i = 0; i < kWarmUp; ++i) server.request(client);
  const Counts before = counts;
  for (int i = 0; i < count; ++i) server.request(client);
  const Counts after = counts;
  ::close(client);
  auto each = [count](long total) { return static_cast<double>(total) / count; };
  bool fine = within("heap allocations a request", each(after.allocations - before.allocations), 0);
  fine &= within("recv a request", each(after.receives - before.receives), 1);
  fine &= within("sendmsg a request", each(after.sends - before.sends), 1);
  fine &= within("epoll_wait a request (alone on its loop)", each(after.waits - before.waits), 1);
  fine &= within("epoll_ctl a request", each(after.controls - before.controls), 0);
  return fine;
}

bool check_idle(Server& server) {
  std::vector<int> clients;
  clients.reserve(2 * kConnections);
  for (int i = 0; i < kConnections; ++i) clients.push_back(server.connect());
  for (const int client : clients) server.request(client);
  const long before = counts.allocated_bytes;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(server.connect());
    server.request(clients.back());
  }
  const long bytes = counts.allocated_bytes - before;
  for (const int client : clients) ::close(client);
  return within("bytes of an idle connection", static_cast<double>(bytes) / kConnections, kIdleBytes);
}

int run(int count) {
  rlimit files{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = kDescriptors;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) {
    fmt::print("no {} descriptors: nothing is counted\n", kDescriptors);
    return 77;
  }
  Server server;
  bool fine = check_requests(server, std::abs(count));
  if (count > 0) fine &= check_idle(server);
  server.loop.run();
  return fine ? 0 : 1;
}

}  // namespace
}  // namespace remuda::http::h1

// A negative COUNT leaves out the idle connections.
int main(int argc, char** argv) { return remuda::http::h1::run(argc > 1 ? std::atoi(argv[1]) : 1000); }
