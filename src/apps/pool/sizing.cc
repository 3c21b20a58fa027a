// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pool/sizing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace remuda::apps::pool {

namespace {

constexpr uint32_t kMostEver = 1000;
constexpr double kLeastShare = 0.02;  // fifty for each core
constexpr double kForgetting = 0.98;  // of the highest share, with each measurement
constexpr loop::Duration kEnough = std::chrono::milliseconds(20);  // at work, to say anything

uint64_t each_of(const Appetite& appetite) { return appetite.each == 0 ? kAssumedEach : appetite.each; }

double share_of(const Appetite& appetite) {
  return appetite.computes <= 0 ? kAssumedComputes : std::clamp(appetite.computes, kLeastShare, 1.0);
}

std::string mebibytes(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

}  // namespace

Size size(const SizeRules& rules, const Appetite& appetite, const Means& means) {
  Size size;
  const uint32_t least = std::max({rules.min, rules.guaranteed, 1U});
  size.by_memory = static_cast<uint32_t>(std::min<uint64_t>(means.memory / each_of(appetite), kMostEver));
  size.by_cores = static_cast<uint32_t>(std::ceil(std::max(means.cores, 1U) / share_of(appetite)));
  size.configured = rules.max != 0;
  size.max = size.configured
                 ? std::max(rules.max, rules.min)
                 : std::clamp(std::min(size.by_memory, size.by_cores), least, std::max(least, kMostEver));
  return size;
}

std::vector<std::string> to_lines(const SizeRules& rules, const Appetite& appetite, const Means& means) {
  const Size result = size(rules, appetite, means);
  std::vector<std::string> lines;
  lines.push_back(fmt::format("memory for it: {} ({})", mebibytes(means.memory), means.memory_from));
  lines.push_back(appetite.each == 0 ? fmt::format("one instance: {} of PSS, assumed until one is measured",
                                                   mebibytes(kAssumedEach))
                                     : fmt::format("one instance: {} of PSS, measured on {}",
                                                   mebibytes(appetite.each), appetite.instances));
  lines.push_back(fmt::format("by memory: {} / {} = {}", mebibytes(means.memory),
                              mebibytes(each_of(appetite)), result.by_memory));
  lines.push_back(fmt::format("of its time at work, one computes {:.0f} percent{}", share_of(appetite) * 100,
                              appetite.computes <= 0 ? ", assumed until it is measured" : ""));
  lines.push_back(
      fmt::format("by cores: {} / {:.2f} = {}", means.cores, share_of(appetite), result.by_cores));
  lines.push_back(
      result.configured
          ? fmt::format("max = {}, as configured", result.max)
          : fmt::format("max = {}: the smaller of the two, at least 1, min ({}) and guaranteed ({})",
                        result.max, rules.min, rules.guaranteed));
  return lines;
}

void ComputeShare::add(loop::Duration cpu, loop::Duration worked) {
  if (worked < kEnough) return;
  const double share =
      std::clamp(std::chrono::duration<double>(cpu) / std::chrono::duration<double>(worked), 0.0, 1.0);
  value_ = std::max(share, value_ * kForgetting);
}

}  // namespace remuda::apps::pool
