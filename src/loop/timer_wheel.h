// SPDX-License-Identifier: Apache-2.0
//
// TimerWheel: all deadlines of one loop. Arming, re-arming and disarming cost O(1) and never a system call.
//
// A hierarchical wheel after Varghese and Lauck: six levels of 64 slots, a tick of one millisecond.
//
//   level 0   64 slots of     1 ms      the next 64 ms
//   level 1   64 slots of    64 ms      the next 4 s
//   level 2   64 slots of   4.1 s       the next 4 min
//   level 3   64 slots of   4.4 min     the next 4.6 h          ... and two more: beyond two years a timer
//   waits
//                                                               in the last slot and is looked at again
// A timer sinks a level each time the hand reaches its slot. A bit for each occupied slot finds the next one
// without looking at empty slots. Timers belong to their owners and leave the wheel when they are destroyed.
#pragma once

#include <array>
#include <cstdint>

#include "base/list.h"
#include "loop/time.h"

namespace remuda::loop {

class Timer : public base::Link<Timer> {
 public:
  using Expired = void (*)(Timer&);

  explicit Timer(Expired expired) : expired_(expired) {}

  bool is_armed() const { return is_linked(); }
  void disarm() { unlink(); }

 private:
  friend class TimerWheel;
  Expired expired_;
  uint64_t tick_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Time start) : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // `timer` expires at the first advance() to `deadline` or later, never before; re-arms one that is armed.
  // kNever disarms.
  void arm(Timer& timer, Time deadline);

  // Calls expired() of every timer whose deadline is not after `now`. An expired timer is disarmed first and
  // may be armed again by its owner.
  void advance(Time now);

  // No timer expires before this; kNever if none is armed. May be early (a timer that sinks a level), never
  // late.
  Time next_expiry() const;

 private:
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;

  struct Level {
    uint64_t occupied = 0;  // a bit for each slot that may hold timers
    std::array<base::List<Timer>, kSlots> slots;
  };

  uint64_t tick_at_or_before(Time time) const;
  void place(Timer& timer);
  void expire_slot(Level& level, unsigned slot);
  uint64_t next_tick() const;

  Time start_;
  uint64_t now_ = 0;  // ticks since start_ that have been handled
  std::array<Level, kLevels> levels_;
};

}  // namespace remuda::loop
