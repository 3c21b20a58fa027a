// SPDX-License-Identifier: Apache-2.0
//
// Lifespan: programs that end on purpose after a number of requests (php-cgi after 500) are found out, so
// that their replacement is ready before they do. Two ends with status 0 at nearly the same number say
// enough; one alone may have been anything. Pure arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>

namespace remuda::apps::pool {

class Lifespan {
 public:
  void ended_on_purpose(uint64_t requests) {
    const uint64_t least = std::min(requests, former_);
    const uint64_t most = std::max(requests, former_);
    if (least >= kWorthwhile && most - least <= most / kNearly) after_ = least;
    former_ = requests;
  }
  // Requests after which one should have been replaced; UINT64_MAX: not known.
  uint64_t replace_after() const { return after_ == UINT64_MAX ? after_ : after_ - after_ / kNearly; }

 private:
  static constexpr uint64_t kWorthwhile = 20;  // who ends sooner is cheap to start, or in trouble
  static constexpr uint64_t kNearly = 10;      // a tenth
  uint64_t former_ = 0;
  uint64_t after_ = UINT64_MAX;
};

}  // namespace remuda::apps::pool
