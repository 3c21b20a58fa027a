// SPDX-License-Identifier: Apache-2.0
//
// What a process uses: memory as /proc/PID/smaps_rollup says (proc(5)), where its shared pages are divided
// among those that share them, and processor time as /proc/PID/stat says. Of the process alone, not of its
// children.
//
// Spawner's process: it may look at processes of other users, which a worker may not.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "spawner/protocol.h"

namespace remuda::spawner {

// Everything but the token.
Measured measure(pid_t pid);

// The pure halves. Lines that are not there leave zeros.
void read_memory(std::string_view smaps_rollup, Measured& measured);
void read_processor_time(std::string_view stat, long ticks_per_second, Measured& measured);

}  // namespace remuda::spawner
