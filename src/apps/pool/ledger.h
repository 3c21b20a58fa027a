// SPDX-License-Identifier: Apache-2.0
//
// Ledger: which instance gets the next request. The group's book, kept under its mutex.
//
// An instance that takes several requests at once is chosen by who is least busy, others by who was used last
// (its caches are warm, the rest can idle out). Before both goes what a connection costs: one that this loop
// keeps open is the best; an instance that is full of other loops' idle connections is the last, because
// those have to be closed first (a process that serves one connection at a time is pinned by one that idles).
// Instances are few: a choice reads them all.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "apps/pool/instance.h"

namespace remuda::apps::pool {

struct Wish {
  uint32_t loop = 0;  // its place in the group
  uint64_t request = 0;
  uint64_t key = 0;                 // hash of StartRequest::key; 0: none
  std::span<const uint64_t> tried;  // StartRequest::tried
};

uint64_t hash_of_key(std::string_view key);

class Ledger {
 public:
  // A ready one, until remove().
  void add(std::shared_ptr<Instance> instance);
  void remove(const Instance& instance);

  // One that has room; null if none has. One that was tried only if there is no other.
  std::shared_ptr<Instance> choose(const Wish& wish) const;

  // One request more. Whether it takes a connection that its loop keeps; appends the loops whose idle
  // connections have to be closed for it.
  bool lend(Instance& instance, const Wish& wish, loop::Time now, std::vector<uint32_t>& to_close);
  // `idle`: connections that this loop keeps at it now.
  void take_back(Instance& instance, const Wish& wish, uint32_t idle, loop::Time now);
  // Loops that keep connections at it, which is to end or needed by somebody else.
  void close_idle(Instance& instance, std::vector<uint32_t>& to_close);

  const std::vector<std::shared_ptr<Instance>>& instances() const { return instances_; }

 private:
  std::vector<std::shared_ptr<Instance>> instances_;
};

}  // namespace remuda::apps::pool
