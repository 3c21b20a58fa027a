// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets: opened once, by the supervisor, and shared by every worker and loop. So no worker's
// death loses what waits in an accept queue (docs/decisions/002-shared-listeners.md).
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "base/fd.h"
#include "config/config.h"

namespace remuda::server {

struct ListeningSocket {
  base::Fd socket;
  std::string url;          // "http://127.0.0.1:8080", with the port that the kernel chose
  std::string unlink_path;  // a Unix socket's path, to be removed at the end; empty otherwise
};

// Opens all of them or none. The error is a sentence for a person: what, where, what to do.
std::expected<std::vector<ListeningSocket>, std::string> open_listeners(
    const std::vector<config::Listener>& listeners);

// Takes `count` descriptors from `first` on, which somebody else has bound (systemd's socket activation).
std::expected<std::vector<ListeningSocket>, std::string> adopt_listeners(int first, int count);

}  // namespace remuda::server
