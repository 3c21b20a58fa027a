// SPDX-License-Identifier: Apache-2.0
//
// The processes of a server, with what they have used, by proc(5):
//
//     supervisor                      the server: own time of these two rows, and of who replaced them
//      ├─ spawner ── worker
//      │   ├─ template ── fork ...    the application: everything below the spawner, and what has ended
//      │   └─ instance ...            there and was waited for
//
// Whoever has ended and was waited for is counted by its parent, so the sums only grow.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "cli/advise/figures.h"

namespace remuda::cli::advise {

// How far a process is from the supervisor.
enum class Place : uint8_t { kSupervisor, kServer, kApplication };

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  Place place = Place::kApplication;
  Micros own{};       // of the process itself, threads that have ended included
  Micros children{};  // of those that it waited for, and theirs
};

// The supervisor first; whoever ends meanwhile may be missing.
std::vector<Process> process_tree(pid_t supervisor);

// What all have used until now.
Processor used_by(const std::vector<Process>& tree);

struct MemoryNow {
  uint64_t proportional = 0;        // PSS of the application's processes
  std::vector<uint64_t> answering;  // USS of each of them that is no template
};
MemoryNow memory_of(const std::vector<Process>& tree, const std::vector<pid_t>& templates);

// The pure half: of /proc/PID/stat, without place. Nothing in it: pid 0.
Process read_stat(std::string_view stat, long ticks_per_second);

}  // namespace remuda::cli::advise
