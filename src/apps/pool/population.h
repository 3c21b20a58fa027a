// SPDX-License-Identifier: Apache-2.0
//
// How many instances there should be, by who is there and who waits. Pure arithmetic.
//
//     at least   min, and `spare` free ones beside those at work
//     more       when somebody waits and there is none, or somebody has been waiting for a while (a short
//                press is over sooner than a start); never more than `at_once` starts at a time
//     fewer      of those beyond that, whoever has been idle for the group's idle time
#pragma once

#include <cstdint>

#include "loop/time.h"

namespace remuda::apps::pool {

struct Population {
  uint32_t ready = 0;  // and not about to end
  uint32_t starting = 0;
  uint32_t busy = 0;  // of the ready ones
  size_t waiting = 0;
  loop::Duration pressed_for{};
};

struct Bounds {
  uint32_t min = 0;
  uint32_t max = 1;
  uint32_t spare = 0;
  uint32_t each = 1;     // requests that one takes at once
  uint32_t at_once = 1;  // starts under way
  loop::Duration patience{};
};

// How many starts to begin now.
uint32_t starts_wanted(const Population& population, const Bounds& bounds);

// How many of the free ones need not be there.
uint32_t surplus(const Population& population, const Bounds& bounds);

}  // namespace remuda::apps::pool
