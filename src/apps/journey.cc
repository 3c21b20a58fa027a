// SPDX-License-Identifier: Apache-2.0
//
// The words of a journey.
#include "apps/journey.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace remuda::apps {

namespace {

double milliseconds(loop::Time from, loop::Time to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

bool came(loop::Time time) { return time != loop::Time{}; }

std::string not_started(const Ending& ending) {
  // A template's end has no number of its own: the details say how it was.
  if (ending.code == ECHILD && !ending.detail.empty())
    return fmt::format("could not {}: {}", ending.step, ending.detail.substr(0, ending.detail.find('\n')));
  std::string text = fmt::format("could not {}: {}", ending.step, strerrordesc_np(ending.code));
  if (ending.missing_interpreter)
    return fmt::format("could not {} \"{}\": {}", ending.step, ending.detail, strerrordesc_np(ending.code));
  if (ending.failed_in_exec && ending.code == ENOEXEC)
    text += " (no \"#!\" line, and not a binary of this machine)";
  if (!ending.detail.empty()) text += ": " + ending.detail.substr(0, ending.detail.find('\n'));
  return text;
}

// What follows the first line of what went wrong.
void add_rest(std::vector<std::string>& lines, std::string_view detail) {
  size_t end = detail.find('\n');
  while (end != std::string_view::npos) {
    detail.remove_prefix(end + 1);
    end = detail.find('\n');
    if (!detail.empty()) lines.push_back(fmt::format("  {}", detail.substr(0, end)));
  }
}

}  // namespace

std::string to_string(const Ending& ending) {
  switch (ending.kind) {
    case Ending::Kind::kRunning: return "running";
    case Ending::Kind::kExited: return fmt::format("exited with status {}", ending.code);
    case Ending::Kind::kSignaled:
      return fmt::format("killed by signal {} ({}){}", ending.code, sigdescr_np(ending.code),
                         ending.core_dumped ? ", core dumped" : "");
    case Ending::Kind::kNotStarted: return not_started(ending);
    case Ending::Kind::kUnknown: return "ended; how is not known: who waited for it has ended, too";
    case Ending::Kind::kLost: return "lost: the spawner died while it started the program";
  }
  return "unknown";
}

void Journey::add_error_line(std::string_view line) {
  if (error_lines.size() == kErrorLines) error_lines.pop_front();
  error_lines.emplace_back(line);
}

std::vector<std::string> to_lines(const Journey& journey) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("program {}", journey.program));
  std::string who = fmt::format("application {}, user {}", journey.app,
                                journey.user.empty() ? "of the server" : journey.user);
  if (journey.pid > 0) who += fmt::format(", pid {}", journey.pid);
  if (journey.environment_entries > 0)
    who += fmt::format(", {} environment variables", journey.environment_entries);
  lines.push_back(std::move(who));
  const auto step = [&](const char* what, loop::Time time) {
    if (came(time)) lines.push_back(fmt::format("+{:.3f} ms {}", milliseconds(journey.asked, time), what));
  };
  step("a place was free", journey.admitted);
  step("the spawner took it", journey.received);
  step(journey.ending.kind == Ending::Kind::kNotStarted ? "the start failed" : "started", journey.started);
  if (!journey.stopped.empty()) lines.push_back(fmt::format("stopped by the server: {}", journey.stopped));
  step(to_string(journey.ending).c_str(), journey.ended);
  if (journey.ending.kind == Ending::Kind::kNotStarted) add_rest(lines, journey.ending.detail);
  if (journey.cpu_user_us + journey.cpu_system_us > 0) {
    lines.push_back(fmt::format("used {:.1f} ms of user time, {:.1f} ms of system time, {} KiB of memory",
                                static_cast<double>(journey.cpu_user_us) / 1000,
                                static_cast<double>(journey.cpu_system_us) / 1000, journey.max_resident_kib));
  }
  if (journey.error_bytes > 0) {
    lines.push_back(fmt::format("standard error, {} bytes, its last lines:", journey.error_bytes));
    for (const std::string& line : journey.error_lines) lines.push_back("  " + line);
  }
  return lines;
}

}  // namespace remuda::apps
