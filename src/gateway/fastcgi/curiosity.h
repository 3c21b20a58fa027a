// SPDX-License-Identifier: Apache-2.0
//
// Curiosity: how often a wire asks its endpoints whether they multiplex. They are alike, and many do not know
// the question: after each that was in vain it waits, twice as long each time. Whoever says no is believed. A
// new generation of instances may be another program, and is asked again. Pure; one for a wire.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "loop/time.h"

namespace remuda::gateway::fastcgi {

class Curiosity {
 public:
  // Of an endpoint of this generation.
  bool is_awake(uint32_t generation, loop::Time now) {
    if (std::exchange(generation_, generation) != generation) *this = Curiosity(generation);
    return now >= next_;
  }
  void was_in_vain(loop::Time now) {
    next_ = now + pause_;
    pause_ = std::min<loop::Duration>(2 * pause_, std::chrono::minutes(30));
  }
  void was_told_no() { next_ = loop::kNever; }

  Curiosity() = default;

 private:
  explicit Curiosity(uint32_t generation) : generation_(generation) {}

  uint32_t generation_ = 0;
  loop::Time next_{};
  loop::Duration pause_ = std::chrono::minutes(1);
};

}  // namespace remuda::gateway::fastcgi
