// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/advise/figures.h"

#include <algorithm>
#include <cmath>

namespace remuda::cli::advise {

double Answers::rate() const {
  if (took <= Micros::zero()) return 0;
  return static_cast<double>(answered()) / std::chrono::duration<double>(took).count();
}

Micros percentile(const std::vector<Micros>& sorted, double percent) {
  if (sorted.empty()) return {};
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  const auto index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

}  // namespace remuda::cli::advise
