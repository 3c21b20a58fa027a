// SPDX-License-Identifier: Apache-2.0
//
// time_earned(): a transfer at a minimum rate. Whoever has moved so many bytes may have waited for so long.
#pragma once

#include <algorithm>
#include <cstdint>

#include "loop/time.h"

namespace remuda::http::h1 {

// `rate` in bytes a second, not 0.
inline loop::Duration time_earned(uint64_t bytes, uint64_t rate) {
  constexpr uint64_t kMostSeconds = 365 * 24 * 3600;  // far from what a Duration can hold
  const uint64_t seconds = bytes / rate;
  if (seconds >= kMostSeconds) return std::chrono::seconds(kMostSeconds);
  return std::chrono::milliseconds(seconds * 1000 + bytes % rate * 1000 / rate);
}

}  // namespace remuda::http::h1
