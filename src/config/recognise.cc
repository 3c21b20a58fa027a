// SPDX-License-Identifier: Apache-2.0
//
// The names of files that frameworks make, in the order in which they are tried.
#include "config/recognise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "config/language.h"

namespace remuda::config {
namespace {

struct Candidate {
  AppType type;
  std::string_view file;
  std::string_view what;
  bool anything;  // its name says nothing: only what it defines does
  bool has_front_controller = false;
};

constexpr std::array kCandidates{
    Candidate{AppType::kWsgi, "manage.py", "a Django project", false},
    Candidate{AppType::kWsgi, "wsgi.py", "a WSGI application", false},
    Candidate{AppType::kWsgi, "app.py", "a WSGI application", true},
    Candidate{AppType::kRack, "config.ru", "a Rack application", false},
    Candidate{AppType::kRack, "config/environment.rb", "a Rails application", false},
    Candidate{AppType::kPsgi, "app.psgi", "a PSGI application", false},
    Candidate{AppType::kPhp, "wp-settings.php", "WordPress", false, true},
    Candidate{AppType::kPhp, "index.php", "a PHP site", false},
};

// What a module defines that a WSGI server calls, as it stands at the beginning of a line.
constexpr std::array<std::string_view, 7> kCallables{
    "app =", "application =", "app=", "application=", "def app(", "def application(", "def create_app("};

bool defines_callable(std::string_view source) {
  while (!source.empty()) {
    const std::string_view line = source.substr(0, source.find('\n'));
    const auto begins = [line](std::string_view with) { return line.starts_with(with); };
    if (std::ranges::any_of(kCallables, begins)) return true;
    source.remove_prefix(std::min(line.size() + 1, source.size()));
  }
  return false;
}

Recognised recognised(const Candidate& candidate) {
  return {.type = candidate.type,
          .what = fmt::format("{} ({})", candidate.what, candidate.file),
          .has_front_controller = candidate.has_front_controller};
}

}  // namespace

std::string beside(const std::string& directory, std::string_view name) {
  return fmt::format("{}/{}", directory == "/" ? "" : directory, name);
}

std::optional<Recognised> find_entry_point(AppType type, const std::string& root, const Machine& machine,
                                           const std::optional<Identity>& as) {
  for (const Candidate& candidate : kCandidates) {
    if (candidate.type != type) continue;
    if (machine.file(beside(root, candidate.file), as) == Access::kGood) return recognised(candidate);
  }
  return std::nullopt;
}

std::optional<Recognised> recognise(const std::string& path, const Machine& machine) {
  if (machine.file(path, std::nullopt) == Access::kGood) return recognise_program(path, machine);
  for (const Candidate& candidate : kCandidates) {
    const std::string file = beside(path, candidate.file);
    if (machine.file(file, std::nullopt) != Access::kGood) continue;
    if (candidate.anything && !defines_callable(machine.text(file))) continue;
    return recognised(candidate);
  }
  if (auto found = recognise_node(path, machine)) return found;
  return recognise_programs(path, machine);
}

std::string usual_interpreter(AppType type, const std::string& root, const Machine& machine,
                              const std::optional<Identity>& as) {
  std::string usual(language_of(type).interpreter);
  if (type != AppType::kWsgi) return usual;
  for (const std::string_view environment : {".venv", "venv"}) {
    std::string python = beside(root, fmt::format("{}/bin/python3", environment));
    if (machine.program(python, as) == Access::kGood) return python;
  }
  return usual;
}

}  // namespace remuda::config
