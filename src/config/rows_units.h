// SPDX-License-Identifier: Apache-2.0
//
// The units that the rows of the option tables count ranges in: milliseconds and bytes.
#pragma once

#include <cstdint>

namespace remuda::config::rows {

inline constexpr uint64_t kSecond = 1000;
inline constexpr uint64_t kMinute = 60 * kSecond;
inline constexpr uint64_t kHour = 60 * kMinute;
inline constexpr uint64_t kKibi = 1024;
inline constexpr uint64_t kMebi = 1024 * kKibi;
inline constexpr uint64_t kTebi = 1024 * 1024 * kMebi;

}  // namespace remuda::config::rows
