// SPDX-License-Identifier: Apache-2.0
//
// Snapshot: a server at one moment, as plain values: what a worker answers to GET /status, and what several
// workers' answers are when they are put together. Nothing here points into anything that lives.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/status.h"
#include "loop/time.h"

namespace remuda::admin {

// One worker process. Counters count from its start.
struct WorkerFigures {
  pid_t pid = 0;
  loop::Duration uptime{};
  uint64_t loops = 0;
  uint64_t connections = 0;  // of clients, now
  uint64_t accepted = 0;
  // requests[n] were answered with a status of class n; [0] not at all: the client had left.
  std::array<uint64_t, 6> requests{};
  uint64_t bytes_received = 0;  // of request bodies
  uint64_t bytes_sent = 0;      // of responses, heads included
};

struct Snapshot {
  std::string version;
  pid_t supervisor = 0;
  std::vector<WorkerFigures> workers;
  std::vector<apps::AppStatus> apps;  // in the order of the configuration
};

// What is true of all workers together; the longest uptime.
WorkerFigures total_of(const std::vector<WorkerFigures>& workers);
uint64_t all_requests(const WorkerFigures& figures);

// Puts what several workers of one server say together: applications by name, their figures summed up, their
// instances, peers and requests one after the other, with endpoints numbered anew (each worker numbers its
// own). At least one part.
Snapshot merge(std::vector<Snapshot> parts);

}  // namespace remuda::admin
