// SPDX-License-Identifier: Apache-2.0
//
// The text forms of origins and diagnostics, and the few values that are worked out rather than said.
#include "config/config.h"

#include <fmt/format.h>
#include <unistd.h>

namespace remuda::config {

std::string to_string(const Origin& origin) {
  switch (origin.kind) {
    case Origin::Kind::kDefault: return "default";
    case Origin::Kind::kCommandLine: return "command line";
    case Origin::Kind::kFile: break;
  }
  return origin.line == 0 ? origin.file : fmt::format("{}:{}", origin.file, origin.line);
}

namespace {

std::string place(const Origin& origin) {
  if (origin.kind != Origin::Kind::kFile || origin.line == 0) return to_string(origin);
  return fmt::format("{}:{}:{}", origin.file, origin.line, origin.column);
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  const bool warning = diagnostic.severity == Diagnostic::Severity::kWarning;
  return fmt::format("{}: {}{}{}{}", place(diagnostic.where), warning ? "warning: " : "", diagnostic.what,
                     diagnostic.hint.empty() ? "" : "; ", diagnostic.hint);
}

std::string to_string(const LogTarget& target) {
  switch (target.kind) {
    case LogTarget::Kind::kOff: return "off";
    case LogTarget::Kind::kStandardOutput: return "stdout";
    case LogTarget::Kind::kStandardError: return "stderr";
    case LogTarget::Kind::kSyslog: return "syslog";
    case LogTarget::Kind::kFile: break;
  }
  return target.path;
}

uint32_t Workers::effective_threads() const {
  if (start == Start::kPerConnection) return 1;
  if (threads != 0) return threads;
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  return cores > 0 ? static_cast<uint32_t>(cores) : 1;
}

bool App::is_node_script() const {
  if (type != AppType::kHttp || model != AppModel::kPool) return false;
  const std::string_view file = program.text;
  const bool is_named_so = file.ends_with(".js") || file.ends_with(".cjs") || file.ends_with(".mjs");
  return is_named_so || !interpreter.empty();
}

Origin Config::origin_of(std::string_view name) const {
  const auto found = origins.find(name);
  return found == origins.end() ? Origin{} : found->second;
}

}  // namespace remuda::config
