// SPDX-License-Identifier: Apache-2.0
//
// The filter of system calls that sandbox = "default" and "strict" have: what a web application never needs,
// and an attacker in one does. Everything else is allowed, so that programs and libraries of all ages run.
//
// Made once for all applications; installing it costs no more than two system calls. Spawner's process only.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"

namespace remuda::spawner {

// For seccomp(2): of this machine's system calls and those of its 32-bit programs.
base::Result<std::vector<sock_filter>> make_filter();

}  // namespace remuda::spawner
