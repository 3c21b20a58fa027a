// SPDX-License-Identifier: Apache-2.0
//
// Cgroup: the group of one application in the hierarchy of version 2, with its limits (cgroups(7)):
//
//     <the server's own group>/
//       remuda-server/          the server's own processes, moved there: beside limited groups may be none
//       remuda-SUPERVISOR/
//         shop/                 memory.max, pids.max, cpu.max; its processes enter by cgroup.procs
//
// A spawner that takes over finds all of it there. Removed by the last one, when everything has ended.
// Spawner's process only.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <string_view>

#include "base/cgroup.h"
#include "base/fd.h"
#include "spawner/confinement/failure.h"
#include "spawner/confinement/rules.h"

namespace remuda::spawner {

class Cgroup {
 public:
  static std::expected<Cgroup, ConfinementFailure> make(const base::CgroupPlace& place, pid_t supervisor,
                                                        std::string_view name, const CgroupRules& rules);
  Cgroup(Cgroup&&) = default;
  Cgroup& operator=(Cgroup&&) = default;
  ~Cgroup();

  // Of cgroup.procs: who writes "0" there enters.
  int entrance() const { return entrance_.get(); }

 private:
  Cgroup() = default;

  base::CgroupPlace place_;
  std::string all_;    // of all applications of this server
  std::string group_;  // of this one; empty: moved from
  base::Fd entrance_;
};

}  // namespace remuda::spawner
