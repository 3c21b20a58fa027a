// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pool/budget.h"

#include <algorithm>

namespace remuda::apps::pool {

namespace {

uint32_t unmet(const Claim& claim) {
  return claim.guaranteed > claim.held ? claim.guaranteed - claim.held : 0;
}

}  // namespace

size_t Budget::add(const Claim& claim) {
  claims_.push_back(claim);
  return claims_.size() - 1;
}

// A guarantee is kept whatever the memory: it is what the configuration promised.
bool Budget::allows(size_t index) const {
  const Claim& asking = claims_[index];
  if (asking.held < asking.guaranteed) return total_held() < limits_.instances;
  uint64_t instances = total_held() + 1;
  uint64_t memory = total_memory() + asking.each;
  for (const Claim& claim : claims_) {
    instances += unmet(claim);
    memory += unmet(claim) * claim.each;
  }
  return instances <= limits_.instances && memory <= limits_.memory;
}

std::optional<size_t> Budget::reclaim_for(size_t index) const {
  const Claim& asking = claims_[index];
  if (std::ranges::any_of(claims_, [](const Claim& claim) { return claim.ending > 0; })) return std::nullopt;
  const auto burst = idlest_above(&Claim::guaranteed, index);
  if (asking.held >= asking.guaranteed)
    return burst && claims_[*burst].idlest >= kIdleEnough ? burst : std::nullopt;
  return burst || asking.held > 0 ? burst : idlest_above(&Claim::promised, index);
}

// Of the others, whose idlest instance has been idle for longest, if it holds more than `kept`.
std::optional<size_t> Budget::idlest_above(uint32_t Claim::* kept, size_t index) const {
  std::optional<size_t> from;
  for (size_t i = 0; i < claims_.size(); ++i) {
    const Claim& claim = claims_[i];
    const bool spares = claim.held - claim.leaving > claim.*kept && claim.idlest > loop::Duration::zero();
    if (i == index || !spares) continue;
    if (!from || claim.idlest > claims_[*from].idlest) from = i;
  }
  return from;
}

uint64_t Budget::memory_for(size_t index) const {
  return limits_.memory - std::min(limits_.memory, held_by_others(index));
}

uint64_t Budget::held_by_others(size_t index) const { return total_memory() - claims_[index].memory; }

uint64_t Budget::total_held() const {
  uint64_t total = 0;
  for (const Claim& claim : claims_) total += claim.held;
  return total;
}

uint64_t Budget::total_memory() const {
  uint64_t total = 0;
  for (const Claim& claim : claims_) total += claim.memory;
  return total;
}

}  // namespace remuda::apps::pool
