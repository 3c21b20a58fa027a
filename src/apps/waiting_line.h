// SPDX-License-Identifier: Apache-2.0
//
// WaitingLine: requests that wait for a place: bounded in length and in time, whatever a place is. The one
// queue of every model.
//
//     arrives --may_join()--> refused at once: the line is full, or its wait would outlast its deadline
//        '----join()--> waits --grant()------> granted    the first who came; the newest under overload
//                         |----leave()-------> out of time, or its client has left
//                         '----dismiss_all()-> nobody can be served: said at once
//
// Under overload (the first has used up half of its time) first come, first served would only serve those who
// are about to give up: then the newest is next, and a full line lets go of its oldest for a newcomer.
//
// Owned by whoever has the places, and used under the owner's mutex; a waiter's `turn` belongs to its loop's
// thread. A waiter is shared by its story and by the message that wakes it, because either may be late.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "apps/source.h"
#include "apps/status.h"
#include "base/list.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::apps {

class WaitingLine {
 public:
  enum class Refusal : uint8_t { kFull, kTimedOut, kHopeless, kCancelled, kUnavailable };

  class Waiter : public base::Link<Waiter>, public std::enable_shared_from_this<Waiter> {
   public:
    // `since`: now; `deadline`: when it gives up.
    Waiter(loop::Loop& loop, loop::Time since, loop::Time deadline)
        : turn(loop), loop_(loop), since_(since), deadline_(deadline) {}
    virtual ~Waiter() = default;

    // What its story waits on, on its own loop; then it calls leave().
    loop::Event turn;
    loop::Time deadline() const { return deadline_; }

   private:
    friend class WaitingLine;
    enum class State : uint8_t { kWaiting, kGranted, kRefused };
    loop::Loop& loop_;
    const loop::Time since_;
    const loop::Time deadline_;
    State state_ = State::kWaiting;
    Refusal refusal_ = Refusal::kTimedOut;
  };

  explicit WaitingLine(size_t bound) : bound_(bound) {}

  // Nothing: join() now, under the same lock. Wakes whom it lets go of from `from`, the caller's loop.
  std::optional<Refusal> may_join(loop::Loop& from, loop::Time now, loop::Time deadline);
  void join(Waiter& waiter);

  // Whose turn it is; null if nobody waits. One of the loop `here`, where the place is warm, may overtake who
  // came at nearly the same time.
  Waiter* next(loop::Time now, const loop::Loop* here = nullptr);
  // A place that somebody has left, or one that was not there before: how long that took says nothing of the
  // pace.
  enum class Place : uint8_t { kFreed, kNew };
  // Takes it out of the line, with its place; the caller wakes it.
  std::shared_ptr<Waiter> grant(Waiter& waiter, loop::Time now, Place place = Place::kFreed);
  // From the caller's loop, `from`; with or without the lock.
  static void wake(const std::shared_ptr<Waiter>& waiter, loop::Loop& from);

  // By its story, when it has woken up for whatever reason (`woken` says which). Nothing: it has been granted
  // a place, which it has to use or give back.
  std::optional<Refusal> leave(Waiter& waiter, const base::Result<void>& woken);

  void dismiss_all(loop::Loop& from, Refusal refusal);

  // Counts who did not have to wait, or was refused without the line's doing.
  void passed_by() { ++admitted_; }
  void count(Refusal refusal);

  bool empty() const { return waiting_ == 0; }
  size_t waiting() const { return waiting_; }
  // How long somebody has been waiting without a break; zero if nobody waits.
  loop::Duration pressed_for(loop::Time now) const;
  // Of one who came now, by the pace of late; zero while that is not known.
  loop::Duration expected_wait() const;
  // When it makes sense to ask again.
  std::chrono::seconds retry_after() const;
  QueueStatus status(loop::Time now) const;

 private:
  bool overloaded(loop::Time now) const;
  Waiter& first_or_near(loop::Time now, const loop::Loop* here);
  void take_out(Waiter& waiter);
  void learn_pace(loop::Duration sample);
  void refuse(loop::Loop& from, Waiter& waiter, Refusal refusal);

  const size_t bound_;
  base::List<Waiter> line_;  // in the order of arrival
  size_t waiting_ = 0;
  loop::Time pressed_since_{};
  loop::Time last_grant_{};
  loop::Duration pace_{};  // between two grants while somebody waits, smoothed
  uint32_t paces_ = 0;     // how many went into it, up to kPacesEnough
  uint64_t admitted_ = 0;
  loop::Duration waited_{};
  Drops dropped_;
};

// In the terms of a Source.
AcquireFailure::Reason reason_of(WaitingLine::Refusal refusal);

}  // namespace remuda::apps
