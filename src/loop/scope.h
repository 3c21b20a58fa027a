// SPDX-License-Identifier: Apache-2.0
//
// Scope: structured cancellation. Everything that waits under a Scope can be told to stop at once, and is
// awaited.
//
//     Scope exchange(loop);                       // a child of the scope that it is nested in, if one is
//     given exchange.set_deadline(now + 30s);           // cancelled with ETIMEDOUT when it passes
//     exchange.spawn(copy_standard_error(...));   // a child story, beside this one
//     co_await exchange.run(answer(...));         // a child story, awaited
//     exchange.cancel(); co_await exchange.join();
//
// Cancelling completes every pending operation below with the reason (ECANCELED unless said otherwise), and
// makes every later operation fail with it at once: stories unwind by returning, nothing is destroyed under
// them (principle 7). A Scope is destroyed only when its last child has ended. One loop, one thread.
#pragma once

#include <cerrno>

#include "base/list.h"
#include "loop/operation.h"
#include "loop/task.h"
#include "loop/timer_wheel.h"

namespace remuda::loop {

class Loop;

class Scope : public base::Link<Scope>, private Timer {
 public:
  explicit Scope(Loop& loop, Scope* parent = nullptr);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Starts a story beside the caller. It runs until its first wait before spawn returns.
  void spawn(Task<void> story);

  // Awaits one story under this scope: `auto value = co_await scope.run(story());`
  template <typename T>
  auto run(Task<T> story);

  // Ends when the last spawned story has ended. Not itself cancelled by this scope.
  Task<void> join();

  void cancel(int reason = ECANCELED);
  void set_deadline(Time deadline);

  // 0, or the reason with which operations fail from now on.
  int cancelled() const { return reason_; }
  size_t children() const { return children_; }
  Loop& loop() const { return loop_; }

  void adopt(Operation& operation) { operations_.push_back(operation); }

 private:
  struct Child;
  static void deadline_passed(Timer& timer);
  static Child run_child(Scope& scope, Task<void> story);
  void child_ended();

  Loop& loop_;
  base::List<Operation, ScopeMembership> operations_;
  base::List<Scope> scopes_;
  struct Joining;
  base::List<Joining> joiners_;
  size_t children_ = 0;
  int reason_ = 0;
};

// A Task that runs under a given scope instead of its awaiter's.
template <typename T>
class [[nodiscard]] ScopedTask {
 public:
  ScopedTask(Task<T> story, Scope& scope) : story_(std::move(story)) { story_.inherit(&scope); }
  bool await_ready() const noexcept { return false; }
  auto await_suspend(std::coroutine_handle<> awaiting) noexcept { return story_.await_suspend(awaiting); }
  T await_resume() { return story_.await_resume(); }

 private:
  Task<T> story_;
};

template <typename T>
auto Scope::run(Task<T> story) {
  return ScopedTask<T>(std::move(story), *this);
}

}  // namespace remuda::loop
