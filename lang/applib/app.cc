// SPDX-License-Identifier: Apache-2.0
//
// See app.h: how an App begins and ends.
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <new>

#include "lock.h"
#include "signals.h"

namespace remuda::app {
namespace {

constexpr Nanoseconds kClosePatience = 30'000 * kMillisecond;  // for servers that do not take what is owed

// A server takes an ordinary end for the end of the answer.
void abort_cgi() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  ::abort();
}

bool are_valid(const remuda_options& options) {
  constexpr unsigned kRoles = REMUDA_RESPONDER | REMUDA_AUTHORIZER | REMUDA_FILTER;
  return options.fd >= 0 && options.roles != 0 && (options.roles & ~kRoles) == 0 && options.threads != 0 &&
         options.threads <= 4096 && options.connections != 0 && options.params_limit != 0 &&
         options.params_limit < UINT32_MAX && options.input_memory != 0 && options.output_memory != 0;
}

Limits limits_of(const remuda_options& options) {
  Limits limits;
  limits.roles = options.roles;
  limits.concurrency = options.concurrency != 0 ? options.concurrency : options.threads;
  limits.most_requests = options.most_requests;
  if (limits.most_requests == 0) {
    const uint64_t twice = uint64_t{limits.concurrency} * 2;
    limits.most_requests =
        twice < 1024 ? 1024 : static_cast<uint32_t>(twice < UINT32_MAX ? twice : UINT32_MAX);
  }
  limits.connections = options.connections;
  limits.multiplexes = options.no_multiplexing == 0;
  limits.params = options.params_limit;
  limits.input_memory = options.input_memory;
  limits.input_disk = options.input_disk;
  limits.output_memory = options.output_memory;
  return limits;
}

// Whether fd is a socket that listens, that is connected, or neither.
enum class Socket : uint8_t { kListening, kConnected, kNone };
Socket kind_of(int fd) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) != 0) return Socket::kNone;
  if (value != 0) return Socket::kListening;
  sockaddr_storage peer;
  size = sizeof(peer);
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 ? Socket::kConnected : Socket::kNone;
}

}  // namespace

Nanoseconds now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

App* App::open(const remuda_options& options) {
  if (!are_valid(options)) {
    errno = EINVAL;
    return nullptr;
  }
  void* memory = malloc(sizeof(App));
  if (memory == nullptr) return nullptr;
  App* app = new (memory) App;
  const int error = app->begin(options);
  if (error != 0) {
    app->~App();
    ::free(memory);
    errno = error;
    return nullptr;
  }
  // A CGI program has one request: who ends it wants that to end.
  if (options.keep_signals == 0 && !app->cgi_) take_signals(*app);
  return app;
}

int App::begin(const remuda_options& options) {
  limits = limits_of(options);
  threads_ = options.threads;
  pthread_mutex_init(&mutex_, nullptr);
  if (!peers_.parse(getenv("FCGI_WEB_SERVER_ADDRS"))) return EINVAL;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  for (int* const one : {&wake_, &timer_}) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = one}};
    if (epoll_ < 0 || *one < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, *one, &event) != 0) return errno;
  }
  poke();  // the first step begins to listen
  return begin_socket(options.fd);
}

int App::begin_socket(int fd) {
  const Socket kind = kind_of(fd);
  if (kind == Socket::kNone && fd != 0) return ENOTSOCK;
  const bool connected_cgi = kind == Socket::kConnected && fd == 0 && getenv("REQUEST_METHOD") != nullptr;
  if (kind == Socket::kNone || connected_cgi) return begin_cgi();
  if (kind == Socket::kConnected) {
    one_connection_ = true;
    return add_connection(fd);
  }
  listener_ = fd;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
  const int on = 1;  // connections inherit it; fails on Unix sockets, which do not need it
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return 0;
}

void App::stop() {
  stop_.store(true);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof(one));
}

bool App::owes_nothing(const App& app, const Request* /*request*/) {
  for (const Connection* connection = app.connections_.front(); connection != nullptr;
       connection = app.connections_.after(*connection)) {
    if (!connection->out().empty()) return false;
  }
  return true;
}

int App::close(App* app) {
  {
    Lock lock(*app);
    app->stepping_ = false;
    if (!app->ending) app->begin_ending();
    app->until(owes_nothing, nullptr, now() + kClosePatience);
  }
  leave_signals(*app);  // one more that comes while answers leave is not to take them along
  const int status = app->cgi_status_;
  app->~App();
  ::free(app);
  if (status == REMUDA_BROKEN) abort_cgi();
  return status;
}

App::~App() {
  while (Connection* connection = connections_.front()) bury(*connection);
  clear_graves();
  while (Request* request = news.pop()) release(*request);  // CGI's only one, which nobody has taken
  if (wake_ >= 0) ::close(wake_);
  if (timer_ >= 0) ::close(timer_);
  if (epoll_ >= 0) ::close(epoll_);
  pthread_mutex_destroy(&mutex_);
}

}  // namespace remuda::app
