// SPDX-License-Identifier: Apache-2.0
//
// What this worker says of itself on its status socket, beside its applications.
#pragma once

#include "admin/snapshot.h"
#include "loop/time.h"
#include "server/figures.h"

namespace remuda::cli {

// `uptime`: since the worker's home loop began.
admin::Snapshot server_facts(const server::Figures& figures, loop::Duration uptime);

}  // namespace remuda::cli
