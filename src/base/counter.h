// SPDX-License-Identifier: Apache-2.0
//
// Counter: a figure that one thread changes and any thread may read. It costs its owner what a plain integer
// costs: no locked instruction, no barrier. What several counters say together is not of one moment.
#pragma once

#include <atomic>
#include <cstdint>

namespace remuda::base {

class Counter {
 public:
  // Its owner's thread only.
  void add(uint64_t more = 1) { value_.store(get() + more, std::memory_order_relaxed); }
  void subtract(uint64_t less = 1) { value_.store(get() - less, std::memory_order_relaxed); }

  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

}  // namespace remuda::base
