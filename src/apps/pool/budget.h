// SPDX-License-Identifier: Apache-2.0
//
// Budget: instances and memory over all applications of the worker. Pure arithmetic; the home loop keeps the
// claims up to date and asks before each start.
//
//     guaranteed   an application below its guarantee gets its instance: from what is free, else an idle
//                  burst instance of another has to go for it
//     burst        above it, whoever asks gets what is left after everybody's guarantees
//
// Everybody is guaranteed one, promised or not: where there is no room for that, one that nobody has promised
// and that idles goes for an application that has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "loop/time.h"

namespace remuda::apps::pool {

// What an application holds and may hold.
struct Claim {
  uint32_t guaranteed = 1;
  uint32_t promised = 0;    // of those, by the configuration; the rest is that everybody has one
  uint32_t held = 0;        // instances, with those that start and those that end
  uint32_t leaving = 0;     // of them, those that drain or end
  uint32_t ending = 0;      // of those, the ones without a request: they make room at once
  uint64_t memory = 0;      // bytes of PSS that these use, or are expected to
  uint64_t each = 0;        // bytes that one more is expected to use
  loop::Duration idlest{};  // how long its longest idle instance has been idle; zero: none is
};

struct BudgetLimits {
  uint32_t instances = 1000;
  uint64_t memory = UINT64_MAX;
};

class Budget {
 public:
  explicit Budget(BudgetLimits limits) : limits_(limits) {}

  size_t add(const Claim& claim);
  Claim& claim(size_t index) { return claims_[index]; }
  void set_limits(const BudgetLimits& limits) { limits_ = limits; }
  const BudgetLimits& limits() const { return limits_; }

  // Whether this one may start another instance now.
  bool allows(size_t index) const;
  // Who should end its idlest instance, so that it may: one that bursts, or has one that was not promised
  // where this one has none. An idle one is taken from for a guarantee at once, for a burst only when it has
  // been idle for kIdleEnough. Nobody while room is being made already.
  std::optional<size_t> reclaim_for(size_t index) const;

  // Memory that this one may use: the limit without what others hold.
  uint64_t memory_for(size_t index) const;
  uint64_t held_by_others(size_t index) const;

  static constexpr loop::Duration kIdleEnough = std::chrono::seconds(5);

 private:
  std::optional<size_t> idlest_above(uint32_t Claim::* kept, size_t index) const;
  uint64_t total_held() const;
  uint64_t total_memory() const;

  BudgetLimits limits_;
  std::vector<Claim> claims_;
};

}  // namespace remuda::apps::pool
