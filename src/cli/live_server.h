// SPDX-License-Identifier: Apache-2.0
//
// LiveServer: the server that runs, as the commands status, top, restart, kill and peer see it: one status
// socket for each of its workers, in the run directory that follows from its configuration.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "cli/source.h"
#include "cli/status_client.h"
#include "cli/terminal.h"

namespace remuda::cli {

// Where to look for it.
struct Reach {
  Source source;
  std::string socket;  // --socket: this one, whatever the configuration says
};

// What workers said together, and why others said nothing: a sentence each.
struct Gathered {
  admin::Snapshot snapshot;
  std::vector<std::string> silent;
};

class LiveServer {
 public:
  // Only its sockets are looked for. The error is a sentence. A configuration that has become wrong since the
  // server started is no reason not to find it.
  static std::expected<LiveServer, std::string> find(const Reach& reach);
  // The sockets of workers in this directory, in their order.
  static std::vector<std::string> sockets_in(const std::string& directory);

  explicit LiveServer(std::vector<std::string> sockets) : sockets_(std::move(sockets)) {}

  const std::vector<std::string>& sockets() const { return sockets_; }

  // Asks all workers at once. `app`: one application alone; empty: all. Fails when nobody has answered.
  std::expected<Gathered, StatusFailure> gather(const std::string& app = {}) const;

 private:
  std::vector<std::string> sockets_;
};

// Says why and returns the exit code: kNoServer when nobody answered, kFailure for everything else.
int report(std::string_view command, const StatusFailure& failure, const Terminal& terminal);

}  // namespace remuda::cli
