// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/program.h"

#include <utility>

namespace remuda::apps {

loop::Task<base::Result<void>> Program::wait_started(loop::Time deadline) {
  while (!started() && !ended()) {
    if (const auto waited = co_await changed_.wait(deadline); !waited && !started() && !ended())
      co_return std::unexpected(waited.error());
  }
  co_return base::Result<void>();
}

loop::Task<base::Result<void>> Program::wait_ended(loop::Time deadline) {
  while (!ended()) {
    if (const auto waited = co_await changed_.wait(deadline); !waited && !ended())
      co_return std::unexpected(waited.error());
  }
  co_return base::Result<void>();
}

void Program::begin(pid_t pid, loop::Time received, loop::Time started) {
  journey.pid = pid;
  journey.received = received;
  journey.started = started;
  changed_.notify_all();
}

void Program::conclude(loop::Time when, Ending ending) {
  if (ended()) return;
  journey.ended = when;
  journey.ending = std::move(ending);
  if (journey.started == loop::Time{}) journey.started = when;
  pidfd_.reset();
  changed_.notify_all();
  if (at_end) std::exchange(at_end, nullptr)();
}

}  // namespace remuda::apps
