// SPDX-License-Identifier: Apache-2.0
//
// Loading the configuration of a command.
#include "cli/source.h"

#include <fmt/format.h>
#include <unistd.h>

namespace remuda::cli {
namespace {

config::ConfigOrDiagnostics load_plain(const Source& source) {
  if (!source.file.empty()) return config::read_file(source.file);
  if (!source.directory.empty()) return config::for_directory(source.directory);
  if (::access(kUsualFile, F_OK) == 0) return config::read_file(kUsualFile);
  return config::for_directory(".");
}

}  // namespace

config::ConfigOrDiagnostics load(const Source& source) {
  auto plain = load_plain(source);
  if (!plain || source.overrides.empty()) return plain;
  return config::apply(std::move(*plain), source.overrides);
}

std::string name_of(const config::Config& config) {
  if (!config.file.empty()) return config.file;
  return fmt::format("the directory {}", config.identity);
}

}  // namespace remuda::cli
