// SPDX-License-Identifier: Apache-2.0
//
// See the picture in the header.
#include "server/acceptor.h"

#include <sys/socket.h>

namespace remuda::server {

namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::seconds kBetweenComplaints{10};
constexpr int kMostAtTheEnd = 4096;  // as many as a queue holds; those who come later find another server
// A kept-alive connection gives way to a waiting client once it has been idle for so long.
constexpr std::chrono::milliseconds kIdleBeforeGivingWay{100};
// Connections that are taken in a row before those that are served get their turn.
constexpr unsigned kFairAccepts = 64;

bool passes_by_itself(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM || error == EAGAIN;
}

}  // namespace

Acceptor::Acceptor(loop::Loop& loop, int listener, http::h1::Driver& driver, Gate& gate, base::Log& log)
    : loop_(loop), listener_(listener), driver_(driver), gate_(gate), log_(log) {}

loop::Task<void> Acceptor::run() {
  unsigned taken = 0;
  while (!is_over()) {
    if (gate_.is_full()) {
      co_await wait_for_room();
      continue;
    }
    sockaddr_storage peer;
    const auto socket = co_await loop_.accept(listener_, &peer, loop::kNever);
    if (!socket) {
      if (!is_over()) co_await pause(socket.error());
      continue;
    }
    serve(*socket, http::Address::from(peer));
    if (++taken % kFairAccepts == 0) co_await loop_.yield();
  }
  take_what_waits();
  loop_.detach(listener_);
}

// The driver tells the gate when the connection has ended.
void Acceptor::serve(int socket, const http::Address& peer) {
  gate_.enter();
  loop_.root().spawn(driver_.serve(loop::LoopFd(loop_, base::Fd(socket)), peer));
}

loop::Task<void> Acceptor::wait_for_room() {
  loop_.detach(listener_);
  while (gate_.is_full() && !is_over()) {
    if (gate_.should_close()) driver_.close_oldest_idle(kIdleBeforeGivingWay);
    [[maybe_unused]] const auto changed = co_await gate_.changed(loop_.now() + kPause);
  }
}

loop::Task<void> Acceptor::pause(const base::Error& error) {
  if (passes_by_itself(error.code)) co_return;
  if (loop_.now() >= complain_again_) {
    complain_again_ = loop_.now() + kBetweenComplaints;
    log_.error(
        "cannot accept connections: {}; waiting for room (raise the limit on open files, or lower "
        "workers.connections)",
        base::to_string(error));
  }
  loop_.detach(listener_);
  driver_.close_oldest_idle(kIdleBeforeGivingWay);
  [[maybe_unused]] const auto slept = co_await loop_.sleep_until(loop_.now() + kPause);
}

// Clients whose connection is already established are served, not reset.
void Acceptor::take_what_waits() {
  for (int taken = 0; taken < kMostAtTheEnd; ++taken) {
    sockaddr_storage peer;
    socklen_t length = sizeof peer;
    const int socket =
        ::accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (socket < 0) return;
    serve(socket, http::Address::from(peer));
  }
}

}  // namespace remuda::server
