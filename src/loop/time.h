// SPDX-License-Identifier: Apache-2.0
//
// The loop's idea of time: monotonic, so that a clock that is set back or forth moves no deadline.
#pragma once

#include <chrono>

namespace remuda::loop {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;

// A wait that only its Scope ends: for waits that are no client's (accept, signals, mailboxes).
constexpr Time kNever = Time::max();

}  // namespace remuda::loop
