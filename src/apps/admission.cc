// SPDX-License-Identifier: Apache-2.0
//
// A waiter is shared by its story and by the message that wakes it on its loop, because either may be late: a
// place that was given to a story whose time had run out goes to the next.
#include "apps/admission.h"

#include <memory>

#include "loop/event.h"

namespace remuda::apps {

struct Admission::Waiter : base::Link<Waiter>, std::enable_shared_from_this<Waiter> {
  explicit Waiter(loop::Loop& its_loop) : loop(its_loop), turn(its_loop) {}
  loop::Loop& loop;
  loop::Event turn;      // its loop's thread only
  bool granted = false;  // under the mutex
};

loop::Task<std::expected<void, Admission::Refusal>> Admission::enter(loop::Loop& loop, loop::Time deadline) {
  {
    const std::scoped_lock lock(mutex_);
    if (inside_ < limits_.at_once && queue_.empty()) {
      ++inside_;
      co_return std::expected<void, Refusal>();
    }
    if (waiting_ >= limits_.queue) co_return std::unexpected(Refusal::kQueueFull);
  }
  const auto waiter = std::make_shared<Waiter>(loop);
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(*waiter);
    ++waiting_;
  }
  const auto woken = co_await waiter->turn.wait(deadline);
  if (!withdraw(*waiter))
    co_return std::unexpected(woken.error().code == ETIMEDOUT ? Refusal::kTimeout : Refusal::kCancelled);
  if (!woken && woken.error().code != ETIMEDOUT) {
    leave(loop);
    co_return std::unexpected(Refusal::kCancelled);
  }
  co_return std::expected<void, Refusal>();
}

// Whether it has been given a place. Out of the queue in any case.
bool Admission::withdraw(Waiter& waiter) {
  const std::scoped_lock lock(mutex_);
  if (waiter.granted) return true;
  waiter.unlink();
  --waiting_;
  return false;
}

void Admission::leave(loop::Loop& from) {
  std::shared_ptr<Waiter> next;
  {
    const std::scoped_lock lock(mutex_);
    Waiter* const first = queue_.pop_front();
    if (first == nullptr) {
      --inside_;
      return;
    }
    --waiting_;
    first->granted = true;
    next = first->shared_from_this();
  }
  if (&next->loop == &from) {
    next->turn.notify_one();
  } else {
    next->loop.post([next] { next->turn.notify_one(); });
  }
}

size_t Admission::inside() const {
  const std::scoped_lock lock(mutex_);
  return inside_;
}

size_t Admission::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
}

}  // namespace remuda::apps
