// SPDX-License-Identifier: Apache-2.0
//
// The checks of the server itself: users, workers, listeners, log files.
#include "config/check.h"

#include <fmt/format.h>

#include <filesystem>

#include "config/value.h"

namespace remuda::config {

std::string shown_name(std::string_view option) {
  std::string shown;
  bool inside = false;
  for (const char c : option) {
    if (c == '[') inside = true;
    if (!inside) shown += c;
    if (c == ']') inside = false;
  }
  return shown;
}

void Checker::check() {
  config_.warnings.clear();
  check_server();
  check_workers();
  check_listeners();
  check_logs();
  for (App& app : config_.apps) check_app(app);
  check_pool();
  for (size_t i = 0; i < config_.routes.size(); ++i) check_route(i);
  for (size_t i = 1; i < config_.routes.size(); ++i) check_reachable(i);
  warn_of_unused_apps();
  if (config_.routes.empty()) {
    warn("", {Origin::Kind::kFile, config_.file, 0, 0}, "there is no route: every request gets 404",
         "add [[route]] with files = \"DIRECTORY\"");
  }
}

void Checker::error(const std::string& option, const Origin& fallback, std::string what, std::string hint) {
  const Origin where = said(option) ? config_.origin_of(option) : fallback;
  findings_.diagnostics.push_back({Diagnostic::Severity::kError, where, std::move(what), std::move(hint)});
}

void Checker::warn(const std::string& option, const Origin& fallback, std::string what, std::string hint) {
  const Origin where = said(option) ? config_.origin_of(option) : fallback;
  config_.warnings.push_back({Diagnostic::Severity::kWarning, where, std::move(what), std::move(hint)});
}

std::optional<Identity> Checker::find_identity(const std::string& record, const Origin& fallback,
                                               const std::string& user, const std::string& group) {
  if (user.empty() && group.empty()) return std::nullopt;
  const std::string user_option = record + ".user";
  const std::string group_option = record + ".group";
  if (!machine_.is_root()) {
    const std::string& option = user.empty() ? group_option : user_option;
    error(option, fallback, option + ": only root can become another user", "start as root, or leave it out");
    return std::nullopt;
  }
  Identity identity;
  if (!user.empty()) {
    if (const auto found = machine_.user(user)) {
      identity = *found;
    } else {
      error(user_option, fallback, fmt::format("{}: there is no user {}", user_option, toml_quoted(user)),
            fmt::format("create it: adduser --system --group {}", user));
    }
  }
  if (!group.empty()) {
    if (const auto found = machine_.group(group)) {
      identity.group = *found;
    } else {
      error(group_option, fallback, fmt::format("{}: there is no group {}", group_option, toml_quoted(group)),
            fmt::format("create it: addgroup --system {}", group));
    }
  }
  return identity;
}

void Checker::check_server() {
  Server& server = config_.server;
  server.identity = find_identity("server", {}, server.user, server.group);
  if (!said("server.loaders")) server.loaders.text = machine_.loaders();
  if (machine_.is_root() && server.user.empty()) {
    warn("", {Origin::Kind::kFile, config_.file.empty() ? "remuda" : config_.file, 0, 0},
         "started as root, and so are workers and applications",
         "set server.user, for instance to \"www-data\"");
  }
  check_directory("server.error_pages", "server.error_pages", {}, server.error_pages, server.identity,
                  server.user);
}

void Checker::check_workers() {
  Workers& workers = config_.workers;
  const bool each = workers.start == Start::kPerConnection;
  const Workers defaults;
  if (!said("workers.processes"))
    workers.processes = each ? Workers::kPerConnectionProcesses : defaults.processes;
  if (!said("workers.threads")) workers.threads = each ? 1 : defaults.threads;
  if (!said("workers.connections")) workers.connections = each ? 1 : defaults.connections;
  if (!each) return;
  if (workers.threads != 1) {
    error("workers.threads", {}, "workers.threads: a process for each connection has one event loop",
          "leave it out, or set start = \"ahead\"");
  }
  if (workers.connections != 1) {
    error("workers.connections", {}, "workers.connections: a process for each connection has one connection",
          "leave it out, or set start = \"ahead\"; processes is the most at once");
  }
}

void Checker::check_listeners() {
  if (config_.listeners.empty()) config_.listeners.emplace_back();
  const auto option = [](size_t index) { return fmt::format("listener[{}].address", index); };
  for (size_t i = 0; i < config_.listeners.size(); ++i) {
    const Listener& listener = config_.listeners[i];
    if (listener.origin.kind == Origin::Kind::kFile && !said(option(i))) {
      error("", listener.origin, "listener: address is missing", "such as address = \"127.0.0.1:8080\"");
    }
    for (size_t before = 0; before < i && said(option(i)); ++before) {
      const bool any_port = listener.address.family != Address::Family::kUnix && listener.address.port == 0;
      if (any_port || config_.listeners[before].address != listener.address) continue;
      error(option(i), listener.origin,
            fmt::format("listener.address: \"{}\" stands twice", to_string(listener.address)),
            fmt::format("first at {}", to_string(config_.listeners[before].origin)));
      break;
    }
  }
}

void Checker::check_logs() {
  const auto check_file = [this](const std::string& option, const std::string& path) {
    if (path.empty()) return;
    const Access as_directory = machine_.directory(path, std::nullopt);
    if (as_directory == Access::kGood || as_directory == Access::kDenied) {
      error(option, {}, fmt::format("{}: {} is a directory", option, toml_quoted(path)), "name a file in it");
      return;
    }
    const std::string parent = std::filesystem::path(path).parent_path();
    if (machine_.directory(parent, std::nullopt) != Access::kMissing) return;
    error(option, {}, fmt::format("{}: the directory {} does not exist", option, toml_quoted(parent)),
          "create it");
  };
  if (config_.log.access.kind == LogTarget::Kind::kSyslog) {
    error("log.access", {}, "log.access: requests are not logged to syslog",
          "\"stdout\", \"stderr\", \"off\" or a file");
  }
  check_file("log.access", config_.log.access.path);
  check_file("log.error", config_.log.error.path);
  check_file("server.pid_file", config_.server.pid_file.text);
}

void Checker::check_directory(const std::string& option, const std::string& shown, const Origin& fallback,
                              const Path& path, const std::optional<Identity>& as, const std::string& user) {
  if (path.empty()) return;
  const std::string quoted = toml_quoted(path.text);
  switch (machine_.directory(path.text, as)) {
    case Access::kGood: return;
    case Access::kMissing:
      return error(option, fallback, fmt::format("{}: the directory {} does not exist", shown, quoted),
                   "create it, or correct the path");
    case Access::kWrongKind:
      return error(option, fallback, fmt::format("{}: {} is not a directory", shown, quoted),
                   "name its directory");
    case Access::kDenied: break;
  }
  const std::string who = as && !user.empty() ? fmt::format("the user {}", toml_quoted(user)) : "this user";
  error(option, fallback, fmt::format("{}: {} may not read the directory {}", shown, who, quoted),
        fmt::format("see the rights on the way to it: namei -l {}", path.text));
}

}  // namespace remuda::config
