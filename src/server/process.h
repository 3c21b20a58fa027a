// SPDX-License-Identifier: Apache-2.0
//
// What a freshly forked process of the server does to itself before it does anything else. Single-threaded
// moments: before the first thread of a worker, after fork in the spawner.
#pragma once

#include <span>

#include "base/result.h"
#include "config/config.h"

namespace remuda::server {

// Closes every descriptor above 2 that is not in `keep`, so that nothing of the parent leaks into the child.
void close_all_but(std::span<const int> keep);

// Signals as a program finds them: nothing blocked, everything at its default, but SIGPIPE ignored, and those
// that the supervisor decides about (a terminal and systemd send them to the whole group) ignored as well.
void leave_signals_to_the_supervisor();

// Becomes that user for good: groups, then group, then user; and cannot come back. Errors: of the call that
// failed.
base::Result<void> become(const config::Identity& identity, const std::string& user_name);

// Raises the soft limit on open files to the hard one; the limit that is in force now.
uint64_t raise_open_files_limit();

// Names the process in ps(1): "remuda: worker".
void set_title(const char* title);

}  // namespace remuda::server
