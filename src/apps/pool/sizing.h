// SPDX-License-Identifier: Apache-2.0
//
// Sizing: how many instances of an application this machine can use. Pure arithmetic on what was measured.
//
//     by memory   what may be used and is not held by other applications  /  PSS of one instance
//     by cores    cores  /  share of a request's time that an instance computes
//                 (one that computes half of the time keeps half a core busy: two of them for each core)
//     max         the smaller of the two, unless configured
//
// The share is the highest seen of late: with more instances than cores, waiting for a core looks like
// waiting for a database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loop/time.h"

namespace remuda::apps::pool {

// What an application asks for.
struct SizeRules {
  uint32_t min = 0;
  uint32_t max = 0;  // 0: automatic
  uint32_t guaranteed = 0;
};

// What it has been seen to use; zeros: not known yet.
struct Appetite {
  uint64_t each = 0;       // bytes of PSS of one instance
  double computes = 0;     // share of its time at work
  uint32_t instances = 0;  // that this was measured on
};

// What there is for it.
struct Means {
  uint64_t memory = 0;  // bytes for this application
  uint32_t cores = 1;
  std::string memory_from;  // for people: "2.0 GiB available, 0.3 GiB reserved, 0.1 GiB held by others"
};

struct Size {
  uint32_t max = 1;
  uint32_t by_memory = 1;
  uint32_t by_cores = 1;
  bool configured = false;
};

constexpr uint64_t kAssumedEach = 32 * 1024 * 1024;
constexpr double kAssumedComputes = 0.25;

Size size(const SizeRules& rules, const Appetite& appetite, const Means& means);
// The arithmetic in words, a line each.
std::vector<std::string> to_lines(const SizeRules& rules, const Appetite& appetite, const Means& means);

// Learns the share from CPU time and time at work between two measurements.
class ComputeShare {
 public:
  void add(loop::Duration cpu, loop::Duration worked);
  double value() const { return value_; }

 private:
  double value_ = 0;
};

}  // namespace remuda::apps::pool
