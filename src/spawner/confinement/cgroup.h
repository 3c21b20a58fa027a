// SPDX-License-Identifier: Apache-2.0
//
// The group of one application in the hierarchy of version 2, with its limits (cgroups(7)):
//
//     <the server's own group>/
//       remuda-server/          who was in that group, moved here: beside limited groups may be nobody
//       remuda-SUPERVISOR/
//         shop/                 memory.max, pids.max, cpu.max; its processes enter by cgroup.procs
//
// A spawner that takes over finds all of it there. Removed by the last one, when everything has ended.
// Spawner's process only.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>

#include "base/cgroup.h"
#include "base/fd.h"
#include "spawner/confinement/failure.h"
#include "spawner/confinement/rules.h"

namespace remuda::spawner {

struct CgroupName {
  base::CgroupPlace place;
  pid_t supervisor = 0;
  std::string app;
};

// Its cgroup.procs: who writes "0" there enters.
std::expected<base::Fd, ConfinementFailure> make_cgroup(const CgroupName& name, const CgroupRules& rules);

// As far as nobody is in it. With the last one the server's processes return to where they were.
void remove_cgroup(const CgroupName& name);

}  // namespace remuda::spawner
