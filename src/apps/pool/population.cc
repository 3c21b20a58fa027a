// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pool/population.h"

#include <algorithm>

namespace remuda::apps::pool {

uint32_t starts_wanted(const Population& population, const Bounds& bounds) {
  const uint32_t have = population.ready + population.starting;
  uint64_t want = std::max<uint64_t>(bounds.min, population.busy + bounds.spare);
  if (population.waiting > 0 && (have == 0 || population.pressed_for >= bounds.patience))
    want = std::max<uint64_t>(want, population.ready + (population.waiting + bounds.each - 1) / bounds.each);
  want = std::min<uint64_t>(want, bounds.max);
  if (want <= have || population.starting >= bounds.at_once) return 0;
  return std::min(static_cast<uint32_t>(want) - have, bounds.at_once - population.starting);
}

uint32_t surplus(const Population& population, const Bounds& bounds) {
  if (population.waiting > 0) return 0;
  const uint32_t needed = std::max(bounds.min, population.busy + bounds.spare);
  return population.ready > needed ? population.ready - needed : 0;
}

}  // namespace remuda::apps::pool
