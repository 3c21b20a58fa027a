// SPDX-License-Identifier: Apache-2.0
//
// Worker: the process that reads all client bytes. Event loops (one on each thread), no privileges,
// replaceable at any time.
//
//     main thread: loop 0, and the supervisor's word (control.h)
//     thread 1..N: a loop each
//     beside them: offload threads, one that writes the access log, one for the error log
#pragma once

#include <chrono>
#include <optional>

#include "server/process.h"
#include "server/worker_loop.h"

namespace remuda::server {

struct WorkerPlan {
  uint32_t threads = 1;
  uint32_t offload_threads = 2;  // 0: what blocks runs on the loop, for a process that serves one connection
  WorkerLoopOptions loop;        // of each
  std::chrono::milliseconds grace = std::chrono::seconds(30);
  std::optional<config::Identity> identity;  // whom to become; only with root's rights
  std::string user_name;
  base::LogOptions error_log;
  std::optional<LogWriter::Options> access_log;
  MakeSite make_site;
};

// What one worker process is given by the supervisor.
struct WorkerSeat {
  int control = -1;                        // to the supervisor; its end drains the worker
  std::vector<base::Fd> spawner_channels;  // one for each loop; empty: there is no spawner
  size_t place = 0;                        // among the configured processes
  std::string run_directory;               // the server's own; empty: there is none
  int status_socket = -1;                  // a listening one, for the home loop
  base::Fd connection;                     // the only one to serve; -1: accept on the listeners
  http::Address peer;                      // of that connection
};

// The main of a worker's process, called right after fork: its exit code.
int run_worker(const WorkerPlan& plan, WorkerSeat seat);

}  // namespace remuda::server
