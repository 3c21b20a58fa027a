// SPDX-License-Identifier: Apache-2.0
//
// The syntax of the command line: subcommands, options, help. What the commands do stands in commands.h.
#pragma once

#include "cli/commands.h"

namespace remuda::cli {

// Runs the command that the arguments name; `serve` starts the server. The exit code: 0, 1 for what failed, 2
// for a command line that cannot be understood.
int run(int count, const char* const* arguments, const Serve& serve, const Terminal& terminal);

}  // namespace remuda::cli
