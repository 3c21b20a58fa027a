// SPDX-License-Identifier: Apache-2.0
//
// `remuda check`: what is wrong with a configuration, all at once.
#include <fmt/format.h>

#include "cli/commands.h"

namespace remuda::cli {
namespace {

std::string counted(size_t number, const char* noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace

int check_command(const Source& source, const Terminal& terminal) {
  const auto config = load(source);
  if (!config) {
    terminal.report(config.error());
    terminal.complain(fmt::format("remuda check: {}", counted(config.error().size(), "mistake")));
    return kFailure;
  }
  terminal.report(config->warnings);
  terminal.print(
      fmt::format("{} is good: {}, {}, {}\n", name_of(*config), counted(config->listeners.size(), "listener"),
                  counted(config->routes.size(), "route"), counted(config->apps.size(), "application")));
  return kSuccess;
}

}  // namespace remuda::cli
