// SPDX-License-Identifier: Apache-2.0
//
// What runs for an application, and from what it is forked, out of its configuration: for the spawner, and
// for people. Pure translation.
#pragma once

#include <string>
#include <vector>

#include "apps/template_control.h"
#include "config/config.h"
#include "spawner/spawner.h"

namespace remuda::cli {

// A program, or an interpreter and the loader of an application, with its arguments.
struct Command {
  std::string program;  // empty: one of the programs below root
  std::vector<std::string> arguments;
};
Command command_of(const config::Config& config, const config::App& app);

// What the spawner adds to an application's environment, "NAME=value" each: its configuration's variables,
// and what the FastCGI convention and the loaders ask for.
std::vector<std::string> environment_of(const config::Config& config, const config::App& app);

// Whether its processes are forked from templates.
bool has_templates(const config::App& app);
spawner::TemplateRules template_rules(const config::Config& config, const config::App& app);
apps::TemplateOptions template_options(const config::Config& config, size_t app);

// Sentences about it: "each instance is forked from a template of /usr/bin/python3 ...".
std::vector<std::string> describe_command(const config::Config& config, const config::App& app);

}  // namespace remuda::cli
