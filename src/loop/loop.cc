// SPDX-License-Identifier: Apache-2.0
//
// The turn of the loop, and the operations as callers see them. How they are done is the backend's business.
#include "loop/loop.h"

#include <algorithm>

namespace remuda::loop {

namespace {

void resume_waiter(Operation& operation) { operation.waiter.resume(); }

void deadline_passed(Timer& timer) {
  auto& operation = static_cast<Operation&>(timer);
  if (operation.kind == OperationKind::kTimeout) {
    operation.loop->complete_soon(operation, 0);
  } else {
    operation.loop->cancel(operation, ETIMEDOUT);
  }
}

}  // namespace

Operation::Operation(Loop& its_loop, OperationKind its_kind, int its_fd, Arguments arguments)
    : Timer(&deadline_passed),
      kind(its_kind),
      fd(its_fd),
      asked(arguments),
      loop(&its_loop),
      completed(&resume_waiter) {}

Loop::Loop(Backend& backend) : backend_(backend), now_(backend.now()), timers_(now_), root_(*this) {}

Loop::~Loop() {
  const std::scoped_lock last_post_has_left(posted_mutex_);
  CHECK(ready_.empty());
}

// Looks for the end between what was ready and the wait: the last story may have ended there.
void Loop::run() {
  now_ = backend_.now();
  while (true) {
    run_ready();
    if (root_.children() == 0) return;
    wait_and_run(kNever);
  }
}

void Loop::turn(Time until) {
  const bool had_work = !ready_.empty();
  run_ready();
  wait_and_run(had_work ? now_ : until);
}

void Loop::wait_and_run(Time until) {
  if (!ready_.empty()) until = now_;
  backend_.wait(now_, std::min(until, timers_.next_expiry()));
  now_ = backend_.now();
  backend_.deliver();
  timers_.advance(now_);
  run_posted();
  run_ready();
}

void Loop::run_ready() {
  base::List<Operation, ReadyMembership> batch;
  ready_.move_all_to(batch);
  while (Operation* const operation = batch.pop_front()) operation->completed(*operation);
}

// Wakes under the lock: once it is free, the call may run, and what it ends may end the loop (its destructor
// takes the lock).
void Loop::post(std::function<void()> call) {
  const std::scoped_lock lock(posted_mutex_);
  posted_.push_back(std::move(call));
  if (!posted_waiting_.exchange(true, std::memory_order_relaxed)) backend_.wake();
}

void Loop::run_posted() {
  if (!posted_waiting_.load(std::memory_order_relaxed)) return;
  std::vector<std::function<void()>> batch;
  {
    const std::scoped_lock lock(posted_mutex_);
    posted_waiting_.store(false, std::memory_order_relaxed);
    batch.swap(posted_);
  }
  for (auto& call : batch) call();
}

void Loop::cancel(Operation& operation, int error) {
  if (!operation.pending || operation.kind == OperationKind::kOffload) return;
  if (operation.fd < 0) {
    complete_soon(operation, -error);
  } else {
    backend_.cancel(operation, error);
  }
}

void Loop::complete_now(Operation& operation) {
  operation.pending = false;
  operation.disarm();
  static_cast<base::Link<ScopeMembership>&>(operation).unlink();
  operation.completed(operation);
}

void Loop::complete_soon(Operation& operation, int64_t result) {
  operation.result = result;
  operation.pending = false;
  operation.disarm();
  static_cast<base::Link<ScopeMembership>&>(operation).unlink();
  static_cast<base::Link<ReadyMembership>&>(operation).unlink();  // out of its Event
  ready_.push_back(operation);
}

}  // namespace remuda::loop
