// SPDX-License-Identifier: Apache-2.0
//
// Rounding, and the units that remain.
#include "cli/units.h"

#include <fmt/format.h>

#include <array>

namespace remuda::cli {

std::string shown_size(uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double number = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // What would be rounded to 1024 is one of the next unit.
  while (number >= 1023.5 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  return number < 99.95 ? fmt::format("{:.1f} {}", number, kUnits[unit])
                        : fmt::format("{:.0f} {}", number, kUnits[unit]);
}

std::string shown_memory(uint64_t bytes) { return bytes == 0 ? "-" : shown_size(bytes); }

std::string shown_wait(loop::Duration duration) {
  using std::chrono::milliseconds;
  const auto count = std::chrono::duration_cast<milliseconds>(duration).count();
  if (count < 1000) return fmt::format("{}ms", count);
  if (count < 10'000) return fmt::format("{}.{}s", count / 1000, count / 100 % 10);
  return shown_age(duration);
}

std::string shown_age(loop::Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string shown_rate(double rate) {
  return rate > 0 && rate < 9.95 ? fmt::format("{:.1f}", rate) : fmt::format("{:.0f}", rate);
}

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace remuda::cli
