// SPDX-License-Identifier: Apache-2.0
//
// The pace is learnt only while somebody waits: places that come free with nobody waiting say nothing of it,
// and neither do new ones.
#include "apps/waiting_line.h"

#include <algorithm>

namespace remuda::apps {

namespace {

constexpr uint32_t kPacesEnough = 16;  // before anybody is refused for the pace
constexpr int kSmoothing = 8;
constexpr int kNearly = 8;  // came within this part of the first one's wait
constexpr loop::Duration kNearAtLeast = std::chrono::milliseconds(1);
constexpr size_t kLookedAt = 16;
constexpr std::chrono::seconds kRetryAtMost{60};

}  // namespace

std::optional<WaitingLine::Refusal> WaitingLine::may_join(loop::Loop& from, loop::Time now,
                                                          loop::Time deadline) {
  if (overloaded(now)) {
    if (waiting_ >= bound_) refuse(from, line_.front(), Refusal::kHopeless);
    return std::nullopt;
  }
  if (waiting_ >= bound_) return Refusal::kFull;
  // With nobody before it, it may always try: that is how a better pace is found out.
  if (waiting_ > 0 && expected_wait() > deadline - now) return Refusal::kHopeless;
  return std::nullopt;
}

void WaitingLine::join(Waiter& waiter) {
  if (waiting_ == 0) {
    pressed_since_ = waiter.since_;
    last_grant_ = waiter.since_;
  }
  ++waiting_;
  line_.push_back(waiter);
}

WaitingLine::Waiter* WaitingLine::next(loop::Time now, const loop::Loop* here) {
  while (!line_.empty()) {
    Waiter& chosen = overloaded(now) ? line_.back() : first_or_near(now, here);
    if (chosen.deadline_ > now) return &chosen;
    take_out(chosen);  // it is waking up to leave
    chosen.state_ = Waiter::State::kRefused;
    chosen.refusal_ = Refusal::kTimedOut;
  }
  return nullptr;
}

WaitingLine::Waiter& WaitingLine::first_or_near(loop::Time now, const loop::Loop* here) {
  Waiter& first = line_.front();
  if (here == nullptr || &first.loop_ == here) return first;
  const loop::Time near = first.since_ + std::max((now - first.since_) / kNearly, kNearAtLeast);
  Waiter* found = nullptr;
  size_t looked_at = 0;
  line_.for_each_until([&](Waiter& each) {
    if (each.since_ > near || ++looked_at > kLookedAt) return true;
    if (&each.loop_ == here) found = &each;
    return found != nullptr;
  });
  return found == nullptr ? first : *found;
}

std::shared_ptr<WaitingLine::Waiter> WaitingLine::grant(Waiter& waiter, loop::Time now, Place place) {
  take_out(waiter);
  waiter.state_ = Waiter::State::kGranted;
  if (place == Place::kFreed) learn_pace(std::max(now - last_grant_, loop::Duration::zero()));
  last_grant_ = now;
  ++admitted_;
  waited_ += std::max(now - waiter.since_, loop::Duration::zero());
  return waiter.shared_from_this();
}

void WaitingLine::learn_pace(loop::Duration sample) {
  pace_ = paces_ == 0 ? sample : pace_ + (sample - pace_) / kSmoothing;
  paces_ = std::min(paces_ + 1, kPacesEnough);
}

void WaitingLine::wake(const std::shared_ptr<Waiter>& waiter, loop::Loop& from) {
  if (&waiter->loop_ == &from) {
    waiter->turn.notify_one();
  } else {
    waiter->loop_.post([waiter] { waiter->turn.notify_one(); });
  }
}

std::optional<WaitingLine::Refusal> WaitingLine::leave(Waiter& waiter, const base::Result<void>& woken) {
  if (waiter.state_ == Waiter::State::kGranted) return std::nullopt;
  if (waiter.state_ == Waiter::State::kWaiting) {
    take_out(waiter);
    waiter.refusal_ = !woken && woken.error().code == ETIMEDOUT ? Refusal::kTimedOut : Refusal::kCancelled;
  }
  count(waiter.refusal_);
  return waiter.refusal_;
}

void WaitingLine::dismiss_all(loop::Loop& from, Refusal refusal) {
  while (!line_.empty()) refuse(from, line_.front(), refusal);
}

void WaitingLine::count(Refusal refusal) {
  switch (refusal) {
    case Refusal::kFull: ++dropped_.full; return;
    case Refusal::kTimedOut: ++dropped_.timed_out; return;
    case Refusal::kHopeless: ++dropped_.hopeless; return;
    case Refusal::kCancelled: ++dropped_.client_left; return;
    case Refusal::kUnavailable: ++dropped_.unavailable; return;
  }
}

loop::Duration WaitingLine::pressed_for(loop::Time now) const {
  return empty() ? loop::Duration::zero() : std::max(now - pressed_since_, loop::Duration::zero());
}

loop::Duration WaitingLine::expected_wait() const {
  return paces_ < kPacesEnough ? loop::Duration::zero() : pace_ * static_cast<int64_t>(waiting_ + 1);
}

std::chrono::seconds WaitingLine::retry_after() const {
  return std::clamp(std::chrono::ceil<std::chrono::seconds>(expected_wait()), std::chrono::seconds(1),
                    kRetryAtMost);
}

QueueStatus WaitingLine::status(loop::Time now) const {
  QueueStatus status{.waiting = waiting_, .bound = bound_, .admitted = admitted_, .waited = waited_};
  if (!line_.empty()) status.longest = now - line_.front().since_;
  status.dropped = dropped_;
  return status;
}

bool WaitingLine::overloaded(loop::Time now) const {
  if (line_.empty()) return false;
  const Waiter& first = line_.front();
  return now - first.since_ > first.deadline_ - now;
}

void WaitingLine::take_out(Waiter& waiter) {
  waiter.unlink();
  --waiting_;
}

void WaitingLine::refuse(loop::Loop& from, Waiter& waiter, Refusal refusal) {
  take_out(waiter);
  waiter.state_ = Waiter::State::kRefused;
  waiter.refusal_ = refusal;
  wake(waiter.shared_from_this(), from);
}

AcquireFailure::Reason reason_of(WaitingLine::Refusal refusal) {
  switch (refusal) {
    case WaitingLine::Refusal::kFull: return AcquireFailure::Reason::kQueueFull;
    case WaitingLine::Refusal::kTimedOut: return AcquireFailure::Reason::kQueueTimeout;
    case WaitingLine::Refusal::kHopeless: return AcquireFailure::Reason::kHopeless;
    case WaitingLine::Refusal::kCancelled: return AcquireFailure::Reason::kCancelled;
    case WaitingLine::Refusal::kUnavailable: return AcquireFailure::Reason::kUnavailable;
  }
  return AcquireFailure::Reason::kUnavailable;
}

}  // namespace remuda::apps
