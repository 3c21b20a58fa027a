// SPDX-License-Identifier: Apache-2.0
//
// What sandbox, network and cgroup of an application mean for its other options, and whether this machine can
// do what they ask: nothing that is asked for is left out silently.
#include <fmt/format.h>

#include <algorithm>

#include "config/check.h"
#include "config/value.h"

namespace remuda::config {
namespace {

// A name, or the beginning of names.
bool is_variable_pattern(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  return text.find_first_of("=*") == std::string_view::npos;
}

}  // namespace

void Checker::fill_in_confinement(App& app, const std::string& name) {
  const App defaults;
  const bool strict = app.sandbox == Sandbox::kStrict;
  const auto fill = [&](std::string_view option, auto& member, auto usual, auto in_strict) {
    if (!said(fmt::format("{}.{}", name, option))) member = strict ? in_strict : usual;
  };
  fill("network", app.network, defaults.network, Network::kOff);
  fill("no_new_privileges", app.no_new_privileges, defaults.no_new_privileges, true);
  fill("process_limits.core_dumps", app.process_limits.core_dumps, defaults.process_limits.core_dumps, false);
  fill("process_limits.processes", app.process_limits.processes, defaults.process_limits.processes,
       App::kStrictProcesses);
}

void Checker::check_confinement(const App& app, const std::string& name) {
  if (app.model == AppModel::kRemote) return;
  for (const std::string& pattern : app.pass_environment) {
    if (is_variable_pattern(pattern)) continue;
    error(name + ".pass_environment", app.origin,
          fmt::format("{}.pass_environment: {} is not the name of a variable", name, toml_quoted(pattern)),
          "\"NAME\", or \"NAM*\" for all that begin so; environment = { NAME = \"value\" } sets one");
  }
  if (app.sandbox == Sandbox::kStrict) {
    check_strict(app, name);
  } else {
    warn_of_what_only_strict_has(app, name);
  }
  check_network(app, name);
  check_machine(app, name);
}

// Who shares a user with another process can do to it what that user can.
void Checker::check_strict(const App& app, const std::string& name) {
  const std::string sandbox = fmt::format("{}.sandbox: \"strict\"", name);
  const auto mistake = [&](const char* option, const std::string& what, std::string hint) {
    error(fmt::format("{}.{}", name, option), app.origin, sandbox + what, std::move(hint));
  };
  if (!machine_.is_root())
    return mistake("sandbox", " can be had only where the server is started as root",
                   "start as root with server.user and a user for the application, or use \"default\"");
  if (app.user.empty()) {
    mistake("sandbox", " needs a user of the application's own",
            fmt::format("user = \"{0}\"; create it: adduser --system --group {0}", app.name));
  } else if (app.identity && app.identity->user == 0) {
    mistake("user", " cannot hold root", "another user, which no other process has");
  } else if (app.identity && config_.server.identity && app.identity->user == config_.server.identity->user) {
    mistake("user", " needs a user of the application's own, and the workers have this one too",
            fmt::format("create one: adduser --system --group {}", app.name));
  }
  if (!app.no_new_privileges)
    mistake("no_new_privileges", " has no_new_privileges", "leave no_new_privileges out");
  for (const App& other : config_.apps) {
    if (other.name == app.name || other.user != app.user || app.user.empty()) continue;
    warn(name + ".user", app.origin,
         fmt::format("{} keeps nothing apart from app.{}, which has the same user", sandbox, other.name),
         "give each a user of its own");
  }
  for (const Path& path : app.writable) check_shown(app, name + ".writable", path);
  for (const Path& path : app.readable) check_shown(app, name + ".readable", path);
}

void Checker::check_shown(const App& app, const std::string& option, const Path& path) {
  if (machine_.file(path.text, app.identity) == Access::kGood) return;
  check_directory(option, option, app.origin, path, app.identity, app.user);
}

void Checker::warn_of_what_only_strict_has(const App& app, const std::string& name) {
  for (const char* option : {"writable", "readable"}) {
    const std::string full = fmt::format("{}.{}", name, option);
    if (!said(full)) continue;
    warn(full, app.origin, fmt::format("{}: means nothing without sandbox = \"strict\"", full),
         "leave it out, or set sandbox = \"strict\"");
  }
}

void Checker::check_network(const App& app, const std::string& name) {
  if (app.network == Network::kOn) return;
  const std::string option = name + ".network";
  if (!machine_.is_root() && app.sandbox != Sandbox::kStrict) {
    error(option, app.origin, option + ": only a server that is started as root can take the network away",
          "start as root, or leave it out");
  }
  if (app.type != AppType::kHttp || app.model != AppModel::kPool || app.listen != Listen::kPort) return;
  error(option, app.origin,
        fmt::format("{}: with listen = \"port\" the server could not reach the instances", option),
        "listen = \"descriptor\", or network = \"on\"");
}

// Tried only where it would be used.
void Checker::check_machine(const App& app, const std::string& name) {
  const auto check = [&](const char* option, const std::optional<Obstacle>& obstacle) {
    if (!obstacle) return;
    const std::string full = fmt::format("{}.{}", name, option);
    error(full, app.origin, fmt::format("{}: {}", full, obstacle->what), obstacle->remedy);
  };
  const bool is_root = machine_.is_root();
  const bool strict = app.sandbox == Sandbox::kStrict;
  if (app.sandbox != Sandbox::kOff) {
    check("sandbox",
          machine_.obstacle_to(is_root && !app.no_new_privileges ? Means::kFilterOfRoot : Means::kFilter));
  }
  if (is_root && strict) check("sandbox", machine_.obstacle_to(Means::kNamespaces));
  if (is_root && app.network != Network::kOn) check("network", machine_.obstacle_to(Means::kNetwork));
  if (app.cgroup.memory.count != 0) check("cgroup.memory", machine_.obstacle_to(Means::kCgroupMemory));
  if (app.cgroup.processes != 0) check("cgroup.processes", machine_.obstacle_to(Means::kCgroupProcesses));
  if (app.cgroup.cpu != 0) check("cgroup.cpu", machine_.obstacle_to(Means::kCgroupCpu));
}

}  // namespace remuda::config
