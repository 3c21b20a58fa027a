// SPDX-License-Identifier: Apache-2.0
//
// See the picture in the header. Invariant: a timer stands at the level where its tick and `now_` first
// differ in their base-64 digits, in the slot that its own digit names; so a slot is due exactly when the
// hand reaches it.
#include "loop/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace remuda::loop {

namespace {
constexpr std::chrono::milliseconds kTick{1};
}  // namespace

uint64_t TimerWheel::tick_at_or_before(Time time) const {
  if (time <= start_) return 0;
  return static_cast<uint64_t>((time - start_) / kTick);
}

void TimerWheel::arm(Timer& timer, Time deadline) {
  timer.unlink();
  if (deadline == kNever) return;
  const uint64_t before = tick_at_or_before(deadline);
  const uint64_t tick = deadline > start_ + kTick * static_cast<int64_t>(before) ? before + 1 : before;
  timer.tick_ = std::max(tick, now_ + 1);
  place(timer);
}

void TimerWheel::place(Timer& timer) {
  const uint64_t differing = timer.tick_ ^ now_;
  const unsigned level_number =
      std::min((static_cast<unsigned>(std::bit_width(differing)) - 1) / kSlotBits, kLevels - 1);
  Level& level = levels_[level_number];
  const unsigned shift = level_number * kSlotBits;
  const uint64_t slots_ahead = std::min<uint64_t>((timer.tick_ >> shift) - (now_ >> shift), kSlots - 1);
  const unsigned slot = static_cast<unsigned>((now_ >> shift) + slots_ahead) % kSlots;
  level.slots[slot].push_back(timer);
  level.occupied |= uint64_t{1} << slot;
}

void TimerWheel::expire_slot(Level& level, unsigned slot) {
  level.occupied &= ~(uint64_t{1} << slot);
  base::List<Timer> due;
  level.slots[slot].move_all_to(due);
  while (Timer* const timer = due.pop_front()) {
    if (timer->tick_ <= now_) {
      timer->expired_(*timer);
    } else {
      place(*timer);
    }
  }
}

// The tick of the first occupied slot that the hand will meet.
uint64_t TimerWheel::next_tick() const {
  for (unsigned number = 0; number < kLevels; ++number) {
    const Level& level = levels_[number];
    if (level.occupied == 0) continue;
    const unsigned shift = number * kSlotBits;
    const uint64_t hand = now_ >> shift;
    const auto turned = std::rotr(level.occupied, static_cast<int>((hand + 1) % kSlots));
    return (hand + 1 + static_cast<unsigned>(std::countr_zero(turned))) << shift;
  }
  return UINT64_MAX;
}

void TimerWheel::advance(Time now) {
  const uint64_t target = tick_at_or_before(now);
  while (now_ < target) {
    const uint64_t next = next_tick();
    if (next > target) {
      now_ = target;
      return;
    }
    now_ = next;
    for (unsigned number = kLevels; number-- > 0;) {
      const unsigned shift = number * kSlotBits;
      const bool hand_moved = (now_ & ((uint64_t{1} << shift) - 1)) == 0;
      if (hand_moved) expire_slot(levels_[number], static_cast<unsigned>(now_ >> shift) % kSlots);
    }
  }
}

Time TimerWheel::next_expiry() const {
  const uint64_t tick = next_tick();
  if (tick == UINT64_MAX) return kNever;
  return start_ + kTick * static_cast<int64_t>(tick);
}

}  // namespace remuda::loop
