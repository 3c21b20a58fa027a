// SPDX-License-Identifier: Apache-2.0
//
// One connection, accepted by another program (inetd, systemd with Accept=yes) and handed over as a
// descriptor: this process is the worker, and starts a spawner of its own if there are applications. No
// supervisor.
#pragma once

#include <vector>

#include "base/fd.h"
#include "server/worker.h"
#include "spawner/spawner.h"

namespace remuda::server {

// Serves it to its end: the program's exit code. Single-threaded when it is called.
int run_inetd(const WorkerPlan& plan, const std::vector<spawner::AppRules>& apps, base::Fd connection);

}  // namespace remuda::server
