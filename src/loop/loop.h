// SPDX-License-Identifier: Apache-2.0
//
// Loop: one per thread. Runs stories (Task), gives them time, operations and each other's messages.
//
// One turn: run what is ready, let the backend wait for the next completion or deadline, run what expired.
// The time is read once a turn (`now()` is coarse: exact to one turn). Operations are awaited:
//
//     Result<size_t> got = co_await loop.receive(fd, buffer, deadline);
//
// and fail with ETIMEDOUT when the deadline passes and ECANCELED when the Scope is cancelled. Every wait
// names its deadline (principle 3). Only post() may be called from other threads.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/backend.h"
#include "loop/operation.h"
#include "loop/scope.h"
#include "loop/task.h"
#include "loop/time.h"
#include "loop/timer_wheel.h"

namespace remuda::loop {

// What `co_await loop.receive(...)` waits on. T is what the result is read as: size_t, int (a descriptor) or
// void.
template <typename T>
class [[nodiscard]] Awaiting : public Operation {
 public:
  // `what` names the step in errors: static text.
  Awaiting(Loop& its_loop, OperationKind its_kind, int its_fd, Arguments arguments, Time deadline,
           const char* what)
      : Operation(its_loop, its_kind, its_fd, arguments), deadline_(deadline), what_(what) {}

  void inherit(Scope* scope) { scope_ = scope; }
  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiting);
  base::Result<T> await_resume();

 private:
  Time deadline_;
  const char* what_;
  Scope* scope_ = nullptr;
};

class Loop {
 public:
  explicit Loop(Backend& backend);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Time now() const { return now_; }
  Backend& backend() { return backend_; }
  // Everything that runs on this loop runs below this scope.
  Scope& root() { return root_; }

  // Turns until the root scope has no story left.
  void run();
  // One turn; waits no longer than `until`, and not at all if something was ready.
  void turn(Time until);

  // Runs `call` on this loop soon. Any thread. Never fails, allocates.
  void post(std::function<void()> call);

  // --- operations
  // ------------------------------------------------------------------------------------------- Descriptors
  // are non-blocking. `peer`, buffers and messages stay valid until the operation completes.
  Awaiting<int> accept(int listener, sockaddr_storage* peer, Time deadline) {
    return {*this, OperationKind::kAccept, listener, {.pointer = peer}, deadline, "accept"};
  }
  Awaiting<void> connect(int fd, const sockaddr* address, socklen_t length, Time deadline) {
    return {*this,    OperationKind::kConnect, fd, {const_cast<sockaddr*>(address), length}, deadline,
            "connect"};
  }
  Awaiting<size_t> receive(int fd, std::span<std::byte> into, Time deadline) {
    return {*this, OperationKind::kReceive, fd, {into.data(), into.size()}, deadline, "receive"};
  }
  // What is there now; EAGAIN if nothing is. Never suspends.
  Awaiting<size_t> receive_now(int fd, std::span<std::byte> into) {
    return {*this, OperationKind::kReceive, fd, {into.data(), into.size(), -1, kTryOnly}, kNever, "receive"};
  }
  Awaiting<size_t> receive_message(int fd, msghdr& message, Time deadline) {
    return {*this, OperationKind::kReceiveMessage, fd, {.pointer = &message}, deadline, "receive message"};
  }
  Awaiting<size_t> read(int fd, std::span<std::byte> into, Time deadline) {
    return {*this, OperationKind::kRead, fd, {into.data(), into.size()}, deadline, "read"};
  }
  Awaiting<size_t> write(int fd, std::span<const std::byte> bytes, Time deadline) {
    return {*this,  OperationKind::kWrite, fd, {const_cast<std::byte*>(bytes.data()), bytes.size()}, deadline,
            "write"};
  }
  // `flags` as of sendmsg(2), MSG_MORE above all.
  Awaiting<size_t> send_message(int fd, const msghdr& message, int flags, Time deadline) {
    return {*this,    OperationKind::kSendMessage,
            fd,       {.pointer = const_cast<msghdr*>(&message), .flags = flags},
            deadline, "send"};
  }
  // What there is room for now; EAGAIN if there is none. Never suspends.
  Awaiting<size_t> send_now(int fd, const msghdr& message, int flags) {
    return {*this,  OperationKind::kSendMessage,
            fd,     {.pointer = const_cast<msghdr*>(&message), .flags = flags | kTryOnly},
            kNever, "send"};
  }
  // Advances `offset` by what was sent.
  Awaiting<size_t> send_file(int socket, int file, off_t& offset, size_t length, Time deadline) {
    return {*this, OperationKind::kSendFile, socket, {&offset, length, file}, deadline, "send file"};
  }
  // Waits for room in `to`; `from_pipe` has been found readable before. 0: its end.
  Awaiting<size_t> splice(int from_pipe, int to, size_t length, Time deadline) {
    return {*this, OperationKind::kSplice, to, {nullptr, length, from_pipe}, deadline, "splice"};
  }
  Awaiting<void> readable(int fd, Time deadline) {
    return {*this, OperationKind::kPollReadable, fd, {}, deadline, "wait for input"};
  }
  Awaiting<void> writable(int fd, Time deadline) {
    return {*this, OperationKind::kPollWritable, fd, {}, deadline, "wait for room"};
  }
  // Ends with success when the peer has gone for good: an error, or both directions closed (not its
  // half-close).
  Awaiting<void> hung_up(int fd) {
    return {*this, OperationKind::kPollHangUp, fd, {}, kNever, "wait for hang-up"};
  }
  Awaiting<void> sleep_until(Time deadline) {
    return {*this, OperationKind::kTimeout, -1, {}, deadline, "sleep"};
  }

  // Lets everything else that is ready run first.
  auto yield();

  // Closes a descriptor that operations were started on. Nothing is pending on it.
  void close(int fd) { backend_.close(fd); }
  // Ends the sending direction of a stream and goes on receiving. 0 or an errno.
  int end_sending(int fd) { return backend_.end_sending(fd); }
  // Whether the peer has ended its direction, as far as is known while something waits on `fd`.
  bool peer_ended_sending(int fd) const { return backend_.peer_ended_sending(fd); }
  // Lets go of a shared listener without closing it.
  void detach(int fd) { backend_.detach(fd); }
  void cancel_reading(int fd) { backend_.cancel_reading(fd); }

  // --- for operations, scopes and backends
  // ------------------------------------------------------------------
  void arm(Timer& timer, Time deadline) { timers_.arm(timer, deadline); }
  void cancel(Operation& operation, int error);
  // The backend's word that a pending operation has its result: runs the waiter now.
  void complete_now(Operation& operation);
  // The same, in the next turn: for completions that come while somebody else runs.
  void complete_soon(Operation& operation, int64_t result);

 private:
  void wait_and_run(Time until);
  void run_ready();
  void run_posted();

  Backend& backend_;
  Time now_;
  TimerWheel timers_;
  base::List<Operation, ReadyMembership> ready_;
  std::atomic<bool> posted_waiting_ = false;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  Scope root_;
};

class Yielding : public Awaiting<void> {
 public:
  explicit Yielding(Loop& its_loop)
      : Awaiting<void>(its_loop, OperationKind::kEvent, -1, {}, kNever, "yield") {}
  void await_suspend(std::coroutine_handle<> awaiting) {
    Awaiting<void>::await_suspend(awaiting);
    loop->complete_soon(*this, 0);
  }
};

inline auto Loop::yield() { return Yielding(*this); }

// Sole owner of a descriptor that is used on a loop: closes it through the loop.
class LoopFd {
 public:
  LoopFd() = default;
  LoopFd(Loop& loop, base::Fd fd) : loop_(&loop), number_(fd.release()) {}
  LoopFd(LoopFd&& other) noexcept : loop_(other.loop_), number_(std::exchange(other.number_, -1)) {}
  LoopFd& operator=(LoopFd&& other) noexcept {
    if (this != &other) {
      reset();
      loop_ = other.loop_;
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~LoopFd() { reset(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  // Gives the descriptor away: whoever takes it closes it through the loop.
  int release() { return std::exchange(number_, -1); }
  void reset() {
    if (number_ >= 0) loop_->close(std::exchange(number_, -1));
  }

 private:
  Loop* loop_ = nullptr;
  int number_ = -1;
};

// --- Awaiting, in the header because it is on every path
// ------------------------------------------------------

template <typename T>
bool Awaiting<T>::await_ready() {
  if (scope_ != nullptr && scope_->cancelled() != 0) [[unlikely]] {
    result = -scope_->cancelled();
    return true;
  }
  return loop->backend().start(*this);
}

template <typename T>
void Awaiting<T>::await_suspend(std::coroutine_handle<> awaiting) {
  waiter = awaiting;
  pending = true;
  if (scope_ != nullptr) scope_->adopt(*this);
  loop->arm(*this, deadline_);
}

template <typename T>
base::Result<T> Awaiting<T>::await_resume() {
  if (result < 0) [[unlikely]]
    return base::failure(static_cast<int>(-result), what_);
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return static_cast<T>(result);
  }
}

}  // namespace remuda::loop
