// SPDX-License-Identifier: Apache-2.0
//
// Event: stories of one loop wait for each other. It has no memory: notify wakes those that wait now, so the
// waiter looks at its own condition first and again after. Waiters wake in the order in which they came, in
// the next turn.
#pragma once

#include "base/list.h"
#include "loop/loop.h"

namespace remuda::loop {

class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}

  // Fails with ETIMEDOUT at the deadline, and as the Scope says when it is cancelled.
  auto wait(Time deadline) { return Waiting(*this, deadline); }

  void notify_one() {
    if (Operation* const first = waiters_.pop_front()) loop_.complete_soon(*first, 0);
  }
  void notify_all() {
    while (!waiters_.empty()) notify_one();
  }
  bool has_waiters() const { return !waiters_.empty(); }

 private:
  struct Waiting : Awaiting<void> {
    Waiting(Event& event, Time deadline)
        : Awaiting<void>(event.loop_, OperationKind::kEvent, -1, {}, deadline, "wait for an event"),
          event_(event) {}
    void await_suspend(std::coroutine_handle<> awaiting) {
      Awaiting<void>::await_suspend(awaiting);
      event_.waiters_.push_back(*this);
    }
    Event& event_;
  };

  Loop& loop_;
  base::List<Operation, ReadyMembership> waiters_;
};

}  // namespace remuda::loop
