// SPDX-License-Identifier: Apache-2.0
//
// The commands, one function each, free of the command line's syntax. They return the exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/live_server.h"
#include "cli/serve.h"
#include "cli/source.h"
#include "cli/terminal.h"

namespace remuda::cli {

using Serve = std::function<int(const config::Config&, Entry)>;

// serve_command.cc: reads the configuration and starts the server.
int serve_command(const Source& source, Entry entry, const Serve& serve, const Terminal& terminal);
// The configuration that it would start with, as a file to begin with; starts nothing.
int print_config_command(const Source& source, const Terminal& terminal);

// check_command.cc: says all mistakes, or that there are none.
int check_command(const Source& source, const Terminal& terminal);

struct ExplainRequest {
  std::string url;  // "http://host:port/path", or a path
  std::string method = "GET";
};
// explain_command.cc: which route answers, why, and how. Sends nothing.
int explain_command(const Source& source, const ExplainRequest& request, const Terminal& terminal);
// explain_app_command.cc: how an application is configured, and, when its server runs, how it is sized and
// why.
int explain_app_command(const Reach& reach, const std::string& app, const Terminal& terminal);

enum class AdviceForm : uint8_t { kText, kJson };
struct AdviseRequest {
  std::string asked;  // a URL, its path, or the name of an application
  std::string path;   // what an application that is named gets; empty: the path of its first route
  uint32_t requests = 300;
  uint32_t at_once = 0;  // 0: by the machine's cores
  std::string page;      // a file for the report as HTML; empty: none
  AdviceForm form = AdviceForm::kText;
};
// advise/advise_command.cc: runs the application under each model in private servers, and says which to
// choose.
int advise_command(const Source& source, const AdviseRequest& request, const Terminal& terminal);

enum class ReferenceForm : uint8_t { kMarkdown, kJsonSchema };
// config_command.cc
int config_reference_command(ReferenceForm form, const Terminal& terminal);
int config_show_command(const Source& source, const Terminal& terminal);

// version_command.cc
std::string version_line();
int version_command(const Terminal& terminal);

}  // namespace remuda::cli
