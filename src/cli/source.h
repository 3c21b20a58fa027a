// SPDX-License-Identifier: Apache-2.0
//
// Where the configuration of a command comes from: a file (-c FILE), a directory (DIR), or neither, and what
// the command line overrides.
#pragma once

#include <string>

#include "config/read.h"

namespace remuda::cli {

inline constexpr const char* kUsualFile = "remuda.toml";

struct Source {
  std::string file;       // -c; excludes directory
  std::string directory;  // without both: remuda.toml of the current directory, or else that directory itself
  config::Overrides overrides;
};

// Reads, overrides, checks.
config::ConfigOrDiagnostics load(const Source& source);

// "remuda.toml" or "the directory /site": what load() reads, for people.
std::string name_of(const config::Config& config);

}  // namespace remuda::cli
