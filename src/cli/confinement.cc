// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/confinement.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "config/quantity.h"

namespace remuda::cli {

namespace {

using Texts = std::vector<std::string>;

std::string resolved(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real.string();
}

bool is_there(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::string directory_of(const std::string& path) {
  return path.substr(0, std::max<size_t>(path.rfind('/'), 1));
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/" || path == directory) return true;
  return path.starts_with(directory) && path.substr(directory.size()).starts_with('/');
}

void add(Texts& paths, const std::string& path) {
  if (path.empty()) return;
  std::string real = resolved(path);
  if (std::ranges::find(paths, real) == paths.end()) paths.push_back(std::move(real));
}

// By a link ("current") a newer directory comes in the place of an older one: both are beside the link.
void add_with_link(Texts& paths, const std::string& path) {
  std::error_code error;
  if (!path.empty() && std::filesystem::is_symlink(path, error)) add(paths, directory_of(path));
  add(paths, path);
}

// What every program needs: none of it is hidden because another application has its program there.
bool is_of_the_system(std::string_view path) {
  constexpr std::string_view kSystem[] = {
      "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/local",
      "/bin",     "/sbin",     "/lib",     "/lib64",     "/etc",         "/dev/shm",   "/proc",
      "/sys",     "/run",      "/var/lib", "/var/tmp",   "/tmp",         "/opt"};
  return std::ranges::any_of(kSystem, [&](std::string_view each) { return is_below(each, path); });
}

bool is_program_of_the_system(std::string_view directory) {
  constexpr std::string_view kSystem[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64"};
  return std::ranges::any_of(kSystem, [&](std::string_view each) { return is_below(directory, each); });
}

// What it has of its own, to read.
Texts own_paths(const config::App& app) {
  Texts paths;
  add_with_link(paths, app.root.text);
  add_with_link(paths, app.directory.text);
  if (!app.program.empty()) {
    add_with_link(paths, app.program.text);
    if (const std::string directory = directory_of(resolved(app.program.text));
        !is_program_of_the_system(directory))
      add(paths, directory);
  }
  return paths;
}

// Beside it the interpreter with what lies around it (bin/python3 of a virtual environment), and this
// server's loaders.
Texts shown_paths(const config::Config& config, const config::App& app) {
  Texts paths = own_paths(app);
  if (!app.interpreter.empty()) {
    add(paths, app.interpreter.text);
    for (const std::string& program : {app.interpreter.text, resolved(app.interpreter.text)}) {
      if (!is_program_of_the_system(directory_of(program))) add(paths, directory_of(directory_of(program)));
    }
  }
  add(paths, config.server.loaders.text);
  return paths;
}

Texts with_links(const config::Paths& said) {
  Texts paths;
  for (const config::Path& path : said) add_with_link(paths, path.text);
  return paths;
}

Texts joined(Texts paths, const Texts& more) {
  paths.insert(paths.end(), more.begin(), more.end());
  return paths;
}

// Others' own, but for what this one has in it or around it, or may read.
Texts hidden_paths(const config::Config& config, const config::App& app, const Texts& own,
                   const Texts& readable) {
  Texts hidden;
  const auto is_its_own = [&](const std::string& path) {
    return std::ranges::any_of(
               own, [&](const auto& each) { return is_below(each, path) || is_below(path, each); }) ||
           std::ranges::any_of(readable, [&](const auto& each) { return is_below(path, each); });
  };
  for (const config::App& other : config.apps) {
    if (other.name == app.name) continue;
    for (const std::string& path : joined(own_paths(other), with_links(other.writable))) {
      if (!is_of_the_system(path) && !is_program_of_the_system(path) && !is_its_own(path)) add(hidden, path);
    }
  }
  if (!config.file.empty()) add(hidden, config.identity);
  add(hidden, directory_of(config::run_directory(config)));
  return hidden;
}

spawner::NetworkView network_of(config::Network network) {
  switch (network) {
    case config::Network::kOn: return spawner::NetworkView::kWhole;
    case config::Network::kLoopback: return spawner::NetworkView::kLoopback;
    case config::Network::kOff: return spawner::NetworkView::kNone;
  }
  return spawner::NetworkView::kNone;
}

}  // namespace

spawner::ConfinementRules confinement_rules(const config::Config& config, const config::App& app) {
  spawner::ConfinementRules rules;
  rules.network = network_of(app.network);
  rules.cgroup = {app.cgroup.memory.count, app.cgroup.processes, app.cgroup.cpu};
  if (app.sandbox != config::Sandbox::kOff) rules.filter = spawner::Filter::kSystemCalls;
  if (app.sandbox != config::Sandbox::kStrict) return rules;
  rules.files = spawner::FileView::kOwn;
  const Texts shown = shown_paths(config, app);
  const Texts readable = with_links(app.readable);
  for (const config::Path& path : app.writable) add(rules.view.writable, path.text);
  rules.view.shown = joined(shown, readable);
  std::erase_if(rules.view.shown, [](const std::string& path) { return path == "/" || !is_there(path); });
  rules.view.hidden = hidden_paths(config, app, joined(shown, rules.view.writable), readable);
  rules.view.private_bytes = app.private_tmp.count;
  return rules;
}

spawner::Privileges privileges_of(const config::App& app) {
  const bool by_filter = app.sandbox != config::Sandbox::kOff && ::geteuid() != 0;
  return app.no_new_privileges || by_filter ? spawner::Privileges::kNoNew : spawner::Privileges::kMayGain;
}

std::vector<std::string> passed_environment(const config::App& app) {
  std::vector<std::string> passed;
  for (char** each = environ; !app.pass_environment.empty() && *each != nullptr; ++each) {
    const std::string_view variable = *each;
    const std::string_view name = variable.substr(0, variable.find('='));
    const auto covers = [name](std::string_view pattern) {
      return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                    : name == pattern;
    };
    const bool is_said =
        std::ranges::any_of(app.environment, [name](const auto& said) { return said.first == name; });
    if (!is_said && std::ranges::any_of(app.pass_environment, covers)) passed.emplace_back(variable);
  }
  return passed;
}

std::vector<std::string> describe_confinement(const config::App& app) {
  std::vector<std::string> lines;
  const bool strict = app.sandbox == config::Sandbox::kStrict;
  if (app.sandbox != config::Sandbox::kOff)
    lines.emplace_back("system calls that no web application needs are denied");
  if (strict) {
    std::string writes;
    for (const config::Path& path : app.writable) writes += ", " + path.text;
    lines.push_back(
        fmt::format("writes to its own /tmp, /var/tmp and /dev/shm ({} each){}; all else is read-only",
                    config::format_size(app.private_tmp), writes));
    lines.emplace_back(
        "sees nothing of other applications, /home, /root, other users' processes, or this configuration");
  }
  if (app.network == config::Network::kOff) lines.emplace_back("has no network");
  if (app.network == config::Network::kLoopback) lines.emplace_back("has a network with nobody else in it");
  if (app.model != config::AppModel::kRemote && app.cgroup.is_asked_for())
    lines.emplace_back("has a cgroup of its own");
  return lines;
}

}  // namespace remuda::cli
