// SPDX-License-Identifier: Apache-2.0
//
// What stands in the way of forking: threads, which no fork has; and what forks would share without anybody
// meaning it: open connections, processes that were started. Read from /proc of this process.
#pragma once

#include <stddef.h>

namespace remuda::app {

// The names of the threads beside the first, "pool-1, pool-2"; how many there are.
size_t other_threads(char* names, size_t room);

// Calls `found` with a sentence for each connection that is open, but for descriptors 0 to 2 and `own`, and
// for each process that was started and is still there.
void shared_things(int own, void (*found)(void* context, const char* sentence), void* context);

}  // namespace remuda::app
