// SPDX-License-Identifier: Apache-2.0
//
// Orphans: programs of a spawner that has died. The supervisor has adopted them (PR_SET_CHILD_SUBREAPER), so
// they are found in /proc as its children that lead their own group and run another program than this one:
// not a worker, nor a spawner.
//
// That holds only while the supervisor itself lives: after its death everybody's children end at init, and
// nothing there is ours by kinship alone. Spawner's process only.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/fd.h"
#include "spawner/kinship.h"

namespace remuda::spawner {

class Orphans {
 public:
  // `supervisor` has forked this process.
  explicit Orphans(pid_t supervisor) : supervisor_(supervisor) {}

  bool is_orphan(pid_t pid) const;
  std::vector<pid_t> find() const;

  // Remembers those that there are now, so that they can be ended when the supervisor has died.
  void remember();
  // What was remembered and still runs, and what is found now.
  std::vector<pid_t> all() const;

 private:
  struct Remembered {
    pid_t pid = 0;
    base::Fd pidfd;
  };
  bool supervisor_lives() const;

  pid_t supervisor_;
  std::vector<Remembered> remembered_;
};

}  // namespace remuda::spawner
