// SPDX-License-Identifier: Apache-2.0
//
// Admission: at most so many at once of one application, the rest in a bounded queue.
//
// One for each application in a worker process, shared by its loops: the only lock on a request's way
// (principle 1). First come, first served, across loops. With several worker processes the composition
// divides the numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <mutex>

#include "base/list.h"
#include "loop/loop.h"

namespace remuda::apps {

class Admission {
 public:
  struct Limits {
    size_t at_once = 32;
    size_t queue = 128;
  };

  enum class Refusal : uint8_t { kQueueFull, kTimeout, kCancelled };

  explicit Admission(Limits limits) : limits_(limits) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Waits for a place; does not suspend if one is free and nobody waits before. Any loop; resumes on the
  // caller's.
  loop::Task<std::expected<void, Refusal>> enter(loop::Loop& loop, loop::Time deadline);
  // Gives a place back: to the first who waits. `from` is the caller's loop.
  void leave(loop::Loop& from);

  size_t inside() const;
  size_t waiting() const;

 private:
  struct Waiter;
  bool withdraw(Waiter& waiter);

  const Limits limits_;
  mutable std::mutex mutex_;
  size_t inside_ = 0;
  size_t waiting_ = 0;
  base::List<Waiter> queue_;
};

}  // namespace remuda::apps
