// SPDX-License-Identifier: Apache-2.0
//
// Forking the server's own processes (no exec: the configuration is in memory already) and making sure that a
// child has nothing of its parent's but what it is given.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>

#include "base/result.h"

namespace remuda::server {

// In the child: closes everything but `keep` and 0 to 2, resets signals, runs `body` and exits with what it
// returns. In the parent: the child's process id, or the error of fork(2).
base::Result<pid_t> fork_child(const char* title, std::span<const int> keep,
                               const std::function<int()>& body);

// "exit status 1", "signal 9 (Killed)"
std::string describe_status(int wait_status);

// Ends whatever is left of processes that this one has adopted (PR_SET_CHILD_SUBREAPER): each with its group.
void kill_adopted();

}  // namespace remuda::server
