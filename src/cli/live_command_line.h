// SPDX-License-Identifier: Apache-2.0
//
// The syntax of the commands that talk to a server that runs. Included by the command line alone, with CLI11.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/live_commands.h"

namespace remuda::cli {

// Everything that their options fill.
struct LiveParsed {
  Reach reach;
  std::string app;
  StatusForm form = StatusForm::kText;
  std::string instance;
  std::string request;
  PeerWish peer;
};

// Adds status, top, restart, kill and peer; the chosen one becomes `command`. All outlive the parsing.
void add_live_commands(CLI::App& app, LiveParsed& parsed, std::function<int()>& command,
                       const Terminal& terminal);

// -c FILE, -d DIR, --socket PATH: which server is meant.
void add_reach(CLI::App& app, Reach& reach);

}  // namespace remuda::cli
