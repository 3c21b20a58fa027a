// SPDX-License-Identifier: Apache-2.0
//
// The spawner's time: nanoseconds of CLOCK_MONOTONIC, which the worker and the templates read as well.
#pragma once

#include <sys/time.h>

#include <chrono>
#include <cstdint>
#include <ctime>

namespace remuda::spawner {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1000 * kMillisecond;

inline int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

inline int64_t nanoseconds(std::chrono::nanoseconds time) { return time.count(); }
inline int64_t microseconds(const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; }

}  // namespace remuda::spawner
