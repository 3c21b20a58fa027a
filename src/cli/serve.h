// SPDX-License-Identifier: Apache-2.0
//
// `remuda serve`: from a checked configuration to a running server.
#pragma once

#include <cstdint>

#include "config/config.h"

namespace remuda::cli {

enum class Entry : uint8_t {
  kSupervisor,  // open listeners, start spawner and workers, watch them
  kInetd        // one connection, on file descriptor 0, then the end
};

// Runs until the server has stopped. The exit code: 0 after a stop that was asked for, 1 if it could not
// start.
int serve(const config::Config& config, Entry entry);

}  // namespace remuda::cli
