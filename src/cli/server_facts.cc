// SPDX-License-Identifier: Apache-2.0
//
// Figures of all loops, and who this process is.
#include "cli/server_facts.h"

#include <unistd.h>

namespace remuda::cli {

admin::Snapshot server_facts(const server::Figures& figures, loop::Duration uptime) {
  const server::FiguresTotal total = figures.total();
  admin::Snapshot snapshot{.version = REMUDA_VERSION, .supervisor = ::getppid(), .workers = {}, .apps = {}};
  snapshot.workers.push_back({.pid = ::getpid(),
                              .uptime = uptime,
                              .loops = total.loops,
                              .connections = total.connections,
                              .accepted = total.accepted,
                              .requests = total.requests,
                              .bytes_received = total.bytes_received,
                              .bytes_sent = total.bytes_sent});
  return snapshot;
}

}  // namespace remuda::cli
