// SPDX-License-Identifier: Apache-2.0
//
// Cancellation walks down: own operations first, then the scopes below. Completions run in the loop's next
// turn, so no list changes while it is walked.
#include "loop/scope.h"

#include "loop/loop.h"

namespace remuda::loop {

// A coroutine that nobody awaits: runs one spawned story, tells its scope, and frees itself.
struct Scope::Child {
  struct promise_type : detail::PromiseBase {
    promise_type(Scope& scope, Task<void>&) { scope_ = &scope; }
    Child get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
  };
};

Scope::Scope(Loop& loop, Scope* parent) : Timer(&Scope::deadline_passed), loop_(loop) {
  if (parent == nullptr) return;
  parent->scopes_.push_back(*this);
  reason_ = parent->reason_;
}

Scope::~Scope() {
  CHECK(children_ == 0);
  CHECK(operations_.empty());
  CHECK(scopes_.empty());
}

Scope::Child Scope::run_child(Scope& scope, Task<void> story) {
  co_await std::move(story);
  story = Task<void>();  // with its parameters: once joined, nothing of a child is left
  scope.child_ended();
}

void Scope::spawn(Task<void> story) {
  ++children_;
  run_child(*this, std::move(story));
}

struct Scope::Joining : base::Link<Joining> {
  explicit Joining(Scope& its_scope) : scope(its_scope) {}
  bool await_ready() const { return scope.children_ == 0; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiter = awaiting;
    scope.joiners_.push_back(*this);
  }
  void await_resume() {}

  Scope& scope;
  std::coroutine_handle<> waiter = nullptr;
};

// Whoever joined may destroy the scope when it goes on: nothing of it is touched after the last one.
void Scope::child_ended() {
  if (--children_ > 0) return;
  base::List<Joining> joiners;
  joiners_.move_all_to(joiners);
  while (Joining* const joining = joiners.pop_front()) joining->waiter.resume();
}

Task<void> Scope::join() { co_await Joining(*this); }

void Scope::cancel(int reason) {
  if (reason_ != 0) return;
  reason_ = reason;
  disarm();
  operations_.for_each([&](Operation& operation) { loop_.cancel(operation, reason); });
  scopes_.for_each([&](Scope& scope) { scope.cancel(reason); });
}

void Scope::set_deadline(Time deadline) { loop_.arm(*this, deadline); }

void Scope::deadline_passed(Timer& timer) { static_cast<Scope&>(timer).cancel(ETIMEDOUT); }

}  // namespace remuda::loop
