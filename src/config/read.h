// SPDX-License-Identifier: Apache-2.0
//
// Making a Config: from a file, from text, or from a directory and nothing else; then what the command line
// overrides.
//
// All mistakes are reported at once. Nothing here changes the machine; what is asked of it (does a directory
// exist, who is www-data, is this root) goes through Machine, so that tests decide the answers.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/machine.h"

namespace remuda::config {

using Diagnostics = std::vector<Diagnostic>;
using ConfigOrDiagnostics = std::expected<Config, Diagnostics>;

// The errors are never empty. Warnings of a good configuration are in Config::warnings.
ConfigOrDiagnostics read_file(const std::string& path, const Machine& machine = this_machine());

// As read_file for text that is at hand; `name` stands in diagnostics, relative paths begin at
// base_directory.
ConfigOrDiagnostics read_text(std::string_view text, const std::string& name,
                              const std::string& base_directory, const Machine& machine = this_machine());

// Serves a directory: the application that it holds (recognise.h), or its files; programs in its cgi-bin, if
// there is one, as CGI below /cgi-bin/.
ConfigOrDiagnostics for_directory(const std::string& directory, const Machine& machine = this_machine());

// One option from the command line: {"workers.threads", "4"}, {"listener.address", "[::1]:80"}. The first
// listener.address takes the place of all listeners, further ones are added.
struct Override {
  std::string option;
  std::string value;
};
using Overrides = std::vector<Override>;

// The configuration with the overrides in it, checked again as a whole.
ConfigOrDiagnostics apply(Config config, const Overrides& overrides, const Machine& machine = this_machine());

}  // namespace remuda::config
