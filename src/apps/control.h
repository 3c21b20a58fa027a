// SPDX-License-Identifier: Apache-2.0
//
// Control: what can be asked of an application from outside, and done to it, whatever its model. The status
// API (src/admin) knows nothing else of applications.
//
// All calls are made on the home loop (the worker's first), where pools and farms are managed; whoever
// implements this gathers what other loops know by their posts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/status.h"
#include "base/result.h"
#include "loop/task.h"

namespace remuda::apps {

// How a rolling restart went. Lines for a person; when it failed, the old instances serve on, if there are
// any.
struct RestartReport {
  bool succeeded = false;
  size_t replaced = 0;
  std::vector<std::string> lines;  // what happened, in order; the journey of the start that failed
  bool nobody_serves = false;      // it failed, and no instance is ready
  std::string_view serves;         // it failed: static text: who does; empty: the old instances
};

// Of one that failed.
inline std::string_view who_serves(const RestartReport& report) {
  if (!report.serves.empty()) return report.serves;
  return report.nobody_serves ? "no instance serves" : "the old instances serve on";
}

// ENOENT: no such instance, request, peer. ENOTSUP: this model has no such thing. EINVAL: Error::what says
// what is wrong, as a sentence for whoever asked.
class Control {
 public:
  virtual ~Control() = default;

  virtual std::string_view name() const = 0;
  virtual loop::Task<AppStatus> status() = 0;

  // New instances first, one by one; no request fails.
  virtual loop::Task<RestartReport> restart() = 0;
  // The same in a further worker of the server, where the first has been restarted: what the workers share (a
  // template) is new already.
  virtual loop::Task<RestartReport> restart_too() { return restart(); }
  // TERM, then KILL; it is replaced as if it had died.
  virtual base::Result<void> end_instance(pid_t pid) = 0;
  // Its client gets 503.
  virtual loop::Task<base::Result<void>> end_request(uint64_t request) = 0;

  // Of a farm. `peer`: "10.0.0.7:9000 weight=2", as in the configuration; lasts until the server ends.
  virtual base::Result<void> add_peer(std::string_view peer) = 0;
  virtual base::Result<void> drain_peer(std::string_view address) = 0;    // no new requests
  virtual base::Result<void> restore_peer(std::string_view address) = 0;  // ends drain
  virtual base::Result<void> remove_peer(std::string_view address) = 0;   // drains, then forgets it
};

}  // namespace remuda::apps
