// SPDX-License-Identifier: Apache-2.0
//
// See app.h: connections and their descriptors. epoll learns of a connection only when somebody has to wait
// while it is still open, so that one that brings one request and goes costs accept, recv, send, shutdown and
// close. It is edge-triggered: what has more to give than was taken stands in again_, what cannot take more
// is not `writable`.
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app.h"

namespace remuda::app {
namespace {

constexpr Nanoseconds kLinger = 2'000 * kMillisecond;
constexpr Nanoseconds kRest = 100 * kMillisecond;
constexpr uint32_t kGone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// Why nothing was accepted: there is none left or one that is gone again; no descriptor or no memory for it;
// or there will never be one, as when somebody has shut the listening socket down.
enum class Outcome : uint8_t { kAgain, kPoor, kOver };
Outcome outcome_of(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPERM:  // and what the network may report of one connection: accept(2)
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ETIMEDOUT: return Outcome::kAgain;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: return Outcome::kPoor;
    default: return Outcome::kOver;
  }
}

// A Unix socket that was shut down has nothing to accept, but says so for ever.
bool is_shut(int listener) {
  pollfd what{.fd = listener, .events = POLLRDHUP, .revents = 0};
  return poll(&what, 1, 0) == 1 && (what.revents & (POLLRDHUP | POLLHUP)) != 0;
}

}  // namespace

// --- connections come

int App::add_connection(int socket) {
  void* memory = malloc(sizeof(Connection));
  if (memory == nullptr) return ENOMEM;
  Connection* connection = new (memory) Connection(*this, socket);
  connections_.push(*connection);
  fresh_.push(*connection);
  ++connection_count_;
  receive(*connection);
  return 0;
}

void App::accept_connections() {
  uint32_t most = stepping_ || acceptors_ > 0 ? limits.concurrency : 0;
  for (bool first = true; most > 0 && !ending && connection_count_ < limits.connections; --most) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    const int socket = accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
    if (socket < 0) return accept_failed(errno, first);
    first = false;
    if (!peers_.admits(peer) || add_connection(socket) != 0) ::close(socket);
  }
}

// `unexpected`: after epoll has told of one.
void App::accept_failed(int error, bool unexpected) {
  Outcome outcome = outcome_of(error);
  if (error == EAGAIN && unexpected && is_shut(listener_)) outcome = Outcome::kOver;
  if (outcome == Outcome::kPoor) remind(rests_until_ = now() + kRest);
  if (outcome != Outcome::kOver) return;
  stop_.store(true);
  begin_ending();
}

// The listening socket is shared with other processes: this one is woken by it only if it has a thread to
// spare.
void App::listen_if_wanted() {
  if (rests_until_ != 0 && now() >= rests_until_) rests_until_ = 0;
  const bool wanted = listener_ >= 0 && !ending && connection_count_ < limits.connections &&
                      rests_until_ == 0 && (stepping_ || acceptors_ > 0);
  if (wanted == listening_) return;
  epoll_event event{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.ptr = &listener_}};
  if (epoll_ctl(epoll_, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_, &event) == 0) listening_ = wanted;
}

// Room for writing is asked for only where there was none: a Unix socket would tell of it after each answer.
void App::watch(Connection& connection) {
  const uint32_t room = connection.writable ? 0 : EPOLLOUT;
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLET | room, .data = {.ptr = &connection}};
  const int what = connection.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  connection.watched = true;
  if (epoll_ctl(epoll_, what, connection.fd, &event) != 0) bury(connection);
}

void App::on_event(const epoll_event& event) {
  if (event.data.ptr == &wake_) return hear_wake();
  if (event.data.ptr == &timer_) return hear_timer();
  if (event.data.ptr == &listener_) return accept_connections();
  Connection& connection = *static_cast<Connection*>(event.data.ptr);
  if (connection.gone) return;
  if ((event.events & EPOLLOUT) != 0) {
    connection.writable = true;
    send(connection);
    if (connection.gone) return;
    if (connection.writable) watch(connection);
  }
  if (connection.gone || (event.events & (EPOLLIN | kGone)) == 0) return;
  if ((event.events & kGone) != 0) connection.left = true;
  receive(connection);
}

// --- bytes come

void App::receive(Connection& connection) {
  if (connection.gone) return;
  if (connection.lingers_until != 0) return discard(connection);
  connection.held_back = connection.out().clogged();
  if (connection.held_back) return;
  if (connection.left) connection.must_go_on();
  const Session::Space space = connection.space();
  if (space.size == 0) return connection.broken() ? bury(connection) : void();
  const ssize_t got = recv(connection.fd, space.data, space.size, MSG_DONTWAIT);
  if (got < 0 && errno == EINTR) return again_.push(connection);
  if (got < 0 && errno == EAGAIN) {
    static_cast<Link<AgainTag>&>(connection).unlink();
    return connection.received(0);
  }
  if (got <= 0) return bury(connection);
  connection.received(static_cast<size_t>(got));
  if (static_cast<size_t>(got) == space.size || connection.left) again_.push(connection);
  settle(connection);
}

void App::discard(Connection& connection) {
  char nothing[16 * 1024];
  const ssize_t got = recv(connection.fd, nothing, sizeof(nothing), MSG_DONTWAIT);
  if (got > 0 || (got < 0 && errno == EINTR)) return again_.push(connection);
  if (got == 0 || errno != EAGAIN) bury(connection);
}

// --- bytes go

void App::send_all() {
  owed_since_ = 0;
  while (Session* session = dirty.pop()) send(static_cast<Connection&>(*session));
}

void App::send(Connection& connection) {
  iovec pieces[Outgoing::kPieces];
  while (connection.writable) {
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = static_cast<size_t>(connection.out().gather(pieces));
    if (message.msg_iovlen == 0) break;
    const ssize_t sent = sendmsg(connection.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return bury(connection);
    if (sent >= 0) {
      connection.out().sent(static_cast<size_t>(sent));
    } else {
      connection.writable = false;
      if (connection.watched) watch(connection);
    }
  }
  if (connection.held_back && !connection.out().clogged()) again_.push(connection);
  settle(connection);
}

// --- connections go

void App::settle(Connection& connection) {
  if (connection.broken()) return bury(connection);
  connection.rest();
  const bool unwanted = connection.over() || (ending && connection.idle());
  if (!unwanted || connection.lingers_until != 0) return;
  if (connection.input_complete()) return bury(connection);
  // Closing now would make the kernel answer what still comes with a reset, and the answer might be lost by
  // that.
  shutdown(connection.fd, SHUT_WR);
  connection.lingers_until = now() + kLinger;
  remind(connection.lingers_until);
  ++lingering_;
  again_.push(connection);
}

void App::bury(Connection& connection) {
  if (connection.gone) return;
  connection.gone = true;
  connection.lost();
  if (connection.lingers_until != 0) --lingering_;
  static_cast<Link<AllTag>&>(connection).unlink();
  static_cast<Link<AgainTag>&>(connection).unlink();
  static_cast<Link<FreshTag>&>(connection).unlink();
  // A child that the program has forked may have a copy of the descriptor for as long as it likes: closing
  // alone would neither make epoll forget it nor tell the server.
  if (connection.watched) epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd, nullptr);
  shutdown(connection.fd, SHUT_RDWR);
  ::close(connection.fd);
  --connection_count_;
  graves_.push(connection);
  if (one_connection_) ending = true;
  if (leader_done_ != nullptr) listen_if_wanted();  // there is room for another
}

// Only who leads may: what epoll_wait has reported may point to one.
void App::clear_graves() {
  while (Connection* connection = graves_.pop()) {
    connection->~Connection();
    ::free(connection);
  }
}

void App::expire() {
  const Nanoseconds time = now();
  Connection* next = nullptr;
  for (Connection* connection = connections_.front(); connection != nullptr; connection = next) {
    next = connections_.after(*connection);
    if (connection->lingers_until != 0 && connection->lingers_until <= time) bury(*connection);
  }
}

// Its time has come, or another thread has seen to it already.
void App::hear_timer() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(timer_, &count, sizeof(count));
  timer_at_ = 0;
}

// --- the end

void App::hear_wake() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof(count));
  poked_ = false;
  if (stop_.load() && !ending) begin_ending();
}

// What has arrived and not begun is refused, so that the server sends it to another process; connections that
// have nothing to do are closed; the others when they have.
void App::begin_ending() {
  ending = true;
  if (listening_) listen_if_wanted();
  Connection* next = nullptr;
  for (Connection* connection = connections_.front(); connection != nullptr; connection = next) {
    next = connections_.after(*connection);
    receive(*connection);
    if (connection->gone) continue;
    connection->refuse_unbegun();
    send(*connection);
  }
  for (size_t i = 0; i < sleepers_.size(); ++i) sleepers_[i]->signal();
}

}  // namespace remuda::app
