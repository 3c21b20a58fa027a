// SPDX-License-Identifier: Apache-2.0
//
// A place that was given to a story whose time had run out meanwhile, or whose client had left, goes to the
// next.
#include "apps/admission.h"

#include <memory>

#include "apps/activity.h"

namespace remuda::apps {

loop::Task<std::expected<void, Admission::Refusal>> Admission::enter(loop::Loop& loop, loop::Time deadline,
                                                                     LiveRequest* live) {
  const loop::Time now = loop.now();
  std::shared_ptr<WaitingLine::Waiter> waiter;
  {
    const std::scoped_lock lock(mutex_);
    if (inside_ < limits_.at_once && line_.empty()) {
      ++inside_;
      line_.passed_by();
      co_return std::expected<void, Refusal>();
    }
    if (const auto refusal = line_.may_join(loop, now, deadline)) {
      line_.count(*refusal);
      co_return std::unexpected(*refusal);
    }
    waiter = std::make_shared<WaitingLine::Waiter>(loop, now, deadline);
    line_.join(*waiter);
  }
  if (live != nullptr) live->wait_on(&waiter->turn);
  const auto woken = co_await waiter->turn.wait(deadline);
  if (live != nullptr) live->wait_on(nullptr);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto refusal = line_.leave(*waiter, woken)) co_return std::unexpected(*refusal);
  }
  if (!woken && woken.error().code != ETIMEDOUT) {
    leave(loop);
    co_return std::unexpected(Refusal::kCancelled);
  }
  co_return std::expected<void, Refusal>();
}

void Admission::leave(loop::Loop& from) {
  std::shared_ptr<WaitingLine::Waiter> next;
  {
    const std::scoped_lock lock(mutex_);
    if (WaitingLine::Waiter* const first = line_.next(from.now())) {
      next = line_.grant(*first, from.now());
    } else {
      --inside_;
    }
  }
  if (next != nullptr) WaitingLine::wake(next, from);
}

size_t Admission::inside() const {
  const std::scoped_lock lock(mutex_);
  return inside_;
}

size_t Admission::waiting() const {
  const std::scoped_lock lock(mutex_);
  return line_.waiting();
}

std::chrono::seconds Admission::retry_after() const {
  const std::scoped_lock lock(mutex_);
  return line_.retry_after();
}

QueueStatus Admission::status(loop::Time now) const {
  const std::scoped_lock lock(mutex_);
  return line_.status(now);
}

}  // namespace remuda::apps
