// SPDX-License-Identifier: Apache-2.0
//
// Admission: at most so many at once of one application, the rest in a waiting line.
//
// One for each application in a worker process, shared by its loops: the only lock on a request's way
// (principle 1). Order, bounds and figures are the line's, across loops. With several worker processes the
// composition divides the numbers.
#pragma once

#include <cstddef>
#include <expected>
#include <mutex>

#include "apps/waiting_line.h"
#include "loop/loop.h"

namespace remuda::apps {

class LiveRequest;

class Admission {
 public:
  struct Limits {
    size_t at_once = 32;
    size_t queue = 128;
  };

  using Refusal = WaitingLine::Refusal;

  explicit Admission(Limits limits) : limits_(limits), line_(limits.queue) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Waits for a place; does not suspend if one is free and nobody waits before. Any loop; resumes on the
  // caller's. kCancelled as well when `live` is killed meanwhile (null: nobody can).
  loop::Task<std::expected<void, Refusal>> enter(loop::Loop& loop, loop::Time deadline,
                                                 LiveRequest* live = nullptr);
  // Gives a place back: to whoever is next. `from` is the caller's loop.
  void leave(loop::Loop& from);

  size_t inside() const;
  size_t waiting() const;
  std::chrono::seconds retry_after() const;
  QueueStatus status(loop::Time now) const;

 private:
  const Limits limits_;
  mutable std::mutex mutex_;
  size_t inside_ = 0;
  WaitingLine line_;
};

}  // namespace remuda::apps
