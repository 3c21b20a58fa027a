// SPDX-License-Identifier: Apache-2.0
//
// The commands that talk to a server that runs, one function each, free of the command line's syntax. They
// return the exit code: 0, 1 for what the server refused or could not do, 3 when no server answers.
#pragma once

#include <cstdint>
#include <string>

#include "cli/live_server.h"
#include "cli/terminal.h"

namespace remuda::cli {

enum class StatusForm : uint8_t { kText, kJson, kMetrics };
struct StatusWish {
  std::string app;  // empty: all
  StatusForm form = StatusForm::kText;
};
// status_command.cc
int status_command(const Reach& reach, const StatusWish& wish, const Terminal& terminal);

// top_command.cc: until q; once, over a second, when standard output or input is no terminal.
int top_command(const Reach& reach, const Terminal& terminal);

// restart_command.cc: one worker after the other, none after one that failed.
int restart_command(const Reach& reach, const std::string& app, const Terminal& terminal);

struct KillWish {
  std::string app;
  std::string kind;    // "instance" or "request"
  std::string number;  // a process, or a request as the logs write it
};
// kill_command.cc
int kill_command(const Reach& reach, const KillWish& wish, const Terminal& terminal);

struct PeerWish {
  std::string app;
  std::string change;  // "add", "drain", "restore", "remove"
  std::string peer;    // "10.0.0.7:9000 weight=2"
};
// peer_command.cc: in every worker.
int peer_command(const Reach& reach, const PeerWish& wish, const Terminal& terminal);

}  // namespace remuda::cli
