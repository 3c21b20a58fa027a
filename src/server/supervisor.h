// SPDX-License-Identifier: Apache-2.0
//
// Supervisor: opens nothing that a client sends, starts and watches the rest, and knows when to stop.
//
//     supervisor --fork--> spawner                 (if there are applications)
//                --fork--> worker 1..N             start = ahead: as many as configured, replaced when they
//                die
//                --accept, fork--> worker ...      start = per-connection: one for each connection, at most N
//                at once
//
//     SIGTERM SIGQUIT SIGHUP   drain: workers finish what is in flight, within the grace; again: stop
//     SIGINT                   stop at once
//     SIGUSR1                  open the log files anew
//
// A worker that dies is replaced at once, on the same listening sockets and with the same instances; one that
// dies again and again within its first second is replaced more and more slowly. A spawner that dies is
// replaced on the same channels (spawner.h), and is told of the instances that run (spawner/keeping.h). When
// the supervisor itself dies, the ends of the control sockets tell workers and spawner to end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "server/listening.h"
#include "server/worker.h"
#include "spawner/spawner.h"

namespace remuda::server {

struct SupervisorPlan {
  std::vector<ListeningSocket> listeners;
  uint32_t processes = 1;
  config::Start start = config::Start::kAhead;
  std::chrono::milliseconds grace = std::chrono::seconds(30);
  WorkerPlan worker;
  std::vector<spawner::AppRules> apps;  // empty: no spawner is needed
  std::string run_directory;            // where instances and workers have their sockets; empty: nowhere
  std::vector<std::string> log_files;   // made, and given to the workers' user, before workers open them
  std::function<void()> on_ready;       // every worker accepts connections
  std::function<void()> on_stopping;
};

// Runs until it is told to stop: the program's exit code.
int run_supervisor(SupervisorPlan plan, base::Log& log);

}  // namespace remuda::server
