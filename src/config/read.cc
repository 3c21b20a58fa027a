// SPDX-License-Identifier: Apache-2.0
//
// The ways to a Config: file, text, directory, overrides. Each ends in the same check.
#include "config/read.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "base/result.h"
#include "config/check.h"
#include "config/quantity.h"
#include "config/reader.h"
#include "config/recognise.h"
#include "config/suggest.h"
#include "config/tree.h"
#include "config/value.h"

namespace remuda::config {
namespace {

constexpr std::string_view kRecognisedApp = "site";

Origin command_line() { return {Origin::Kind::kCommandLine, {}, 0, 0}; }

std::string current_directory() {
  std::error_code error;
  const auto path = std::filesystem::current_path(error);
  return error ? "/" : path.string();
}

Diagnostic command_line_error(std::string what, std::string hint) {
  return {Diagnostic::Severity::kError, command_line(), std::move(what), std::move(hint)};
}

ConfigOrDiagnostics checked(Config config, const Machine& machine, Findings findings) {
  Checker(config, machine, findings).check();
  if (findings.diagnostics.empty()) return config;
  std::ranges::sort(findings.diagnostics, {}, [](const Diagnostic& diagnostic) {
    return std::tie(diagnostic.where.line, diagnostic.where.column, diagnostic.what);
  });
  return std::unexpected(std::move(findings.diagnostics));
}

std::string unknown_option_hint(std::string_view name) {
  std::vector<std::string> names;
  for (const Table& table : tables()) {
    if (table.shape != Table::Shape::kOnce && table.name != "listener") continue;
    for (const Option& option : table.options) names.push_back(fmt::format("{}.{}", table.name, option.name));
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(name, views);
  return near.empty() ? "remuda config reference lists all" : fmt::format("did you mean \"{}\"?", near);
}

// Which record an override is for: the one of a table, or for a listener the newest.
struct Target {
  const Table* table = nullptr;
  const Option* option = nullptr;
};

Target find_target(std::string_view name) {
  const size_t dot = name.find('.');
  for (const Table& table : tables()) {
    if (dot == std::string_view::npos || table.name != name.substr(0, dot)) continue;
    if (table.shape != Table::Shape::kOnce && table.name != "listener") continue;
    return {&table, find_option(table, name.substr(dot + 1))};
  }
  return {};
}

base::Result<std::string> read_whole(const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return base::failure_from_errno("open");
  std::string text;
  std::array<char, 16384> piece;
  while (true) {
    const ssize_t length = ::read(file.get(), piece.data(), piece.size());
    if (length < 0) return base::failure_from_errno("read");
    if (length == 0) return text;
    text.append(piece.data(), static_cast<size_t>(length));
  }
}

void forget_listeners(Config& config) {
  config.listeners.clear();
  std::erase_if(config.origins, [](const auto& entry) { return entry.first.starts_with("listener["); });
}

void say(Config& config, const std::string& option) { config.origins[option] = command_line(); }

void set_path(Config& config, Path& path, const std::string& app, std::string_view option,
              const std::string& value) {
  path.text = value;
  say(config, fmt::format("app.{}.{}", app, option));
}

void add_app_route(Config& config, const std::string& name, AppType type, const std::string& root,
                   const std::string& path) {
  App& app = config.apps.emplace_back();
  app.name = name;
  app.type = type;
  app.origin = command_line();
  if (type != App().type) say(config, fmt::format("app.{}.type", name));
  if (!root.empty()) set_path(config, app.root, name, "root", root);
  const std::string record = fmt::format("route[{}]", config.routes.size());
  Route& route = config.routes.emplace_back();
  route.path = path;
  route.app = name;
  route.origin = command_line();
  say(config, record + ".path");
  say(config, record + ".app");
}

// Of the route that was added last: what is a file and no script is sent.
void send_files_first(Config& config, const std::string& root, const Recognised& found) {
  const std::string record = fmt::format("route[{}]", config.routes.size() - 1);
  config.routes.back().files.root.text = root;
  say(config, record + ".files");
  if (!found.has_front_controller) return;
  App& app = config.apps.back();
  app.fallback = "/index.php";
  say(config, fmt::format("app.{}.fallback", app.name));
}

// A loader finds it by the directory; any other is a program that runs there.
void add_recognised(Config& config, const std::string& directory, const Recognised& found) {
  const std::string name(kRecognisedApp);
  config.recognised = found.what;
  if (found.program.empty()) {
    add_app_route(config, name, found.type, directory, "/");
    if (found.type == AppType::kPhp) send_files_first(config, directory, found);
    return;
  }
  add_app_route(config, name, found.type, "", "/");
  App& app = config.apps.back();
  set_path(config, app.program, name, "program", found.program);
  if (directory != found.program) set_path(config, app.directory, name, "directory", directory);
  if (!found.interpreter.empty()) set_path(config, app.interpreter, name, "interpreter", found.interpreter);
}

Diagnostic cannot_choose(const std::string& directory, const std::vector<std::string>& programs) {
  std::string names;
  for (const std::string& program : programs) {
    names.append(names.empty() ? "" : ", ").append(std::filesystem::path(program).filename());
  }
  return command_line_error(
      fmt::format("{} holds several FastCGI programs: {}", directory, names),
      fmt::format("name one, as in remuda serve {}, or say in a configuration what each answers",
                  programs[0]));
}

void add_files_route(Config& config, const std::string& root) {
  const std::string record = fmt::format("route[{}]", config.routes.size());
  Route& route = config.routes.emplace_back();
  route.files.root.text = root;
  route.files.listing = Listing::kAuto;
  route.origin = command_line();
  say(config, record + ".files");
  say(config, record + ".listing");
}

}  // namespace

ConfigOrDiagnostics read_text(std::string_view text, const std::string& name,
                              const std::string& base_directory, const Machine& machine) {
  const auto tree = parse_toml(text, name);
  if (!tree) return std::unexpected(Diagnostics{tree.error()});
  Config config;
  config.file = name;
  config.base_directory = base_directory;
  config.identity = absolute_path(std::filesystem::path(name).filename().string(), base_directory);
  Findings findings;
  read_tree(*tree, config, findings);
  return checked(std::move(config), machine, std::move(findings));
}

ConfigOrDiagnostics read_file(const std::string& path, const Machine& machine) {
  const auto text = read_whole(path);
  if (!text) {
    return std::unexpected(
        Diagnostics{{Diagnostic::Severity::kError,
                     {Origin::Kind::kFile, path, 0, 0},
                     fmt::format("the configuration cannot be read: {}", std::strerror(text.error().code)),
                     "name another with -c, or serve a directory: remuda serve DIR"}});
  }
  const std::string absolute = absolute_path(path, current_directory());
  return read_text(*text, path, std::filesystem::path(absolute).parent_path(), machine);
}

ConfigOrDiagnostics for_directory(const std::string& directory, const Machine& machine) {
  Config config;
  config.base_directory = current_directory();
  const std::string root = absolute_path(directory.empty() ? "." : directory, config.base_directory);
  config.identity = root;
  const std::string programs = root + "/cgi-bin";
  const Access access = machine.directory(programs, std::nullopt);
  if (access == Access::kGood || access == Access::kDenied)
    add_app_route(config, "cgi-bin", AppType::kCgi, programs, "/cgi-bin/");
  if (const auto found = recognise(root, machine)) {
    if (!found->several.empty()) return std::unexpected(Diagnostics{cannot_choose(root, found->several)});
    add_recognised(config, root, *found);
  } else {
    add_files_route(config, root);
  }
  return checked(std::move(config), machine, {});
}

ConfigOrDiagnostics apply(Config config, const Overrides& overrides, const Machine& machine) {
  Findings findings;
  const std::string directory = current_directory();
  bool listeners_are_replaced = false;
  for (const Override& given : overrides) {
    const auto [table, option] = find_target(given.option);
    if (option == nullptr) {
      findings.diagnostics.push_back(command_line_error(
          fmt::format("unknown option {}", toml_quoted(given.option)), unknown_option_hint(given.option)));
      continue;
    }
    const bool is_listener = table->name == "listener";
    if (is_listener && option->name == "address") {
      if (!listeners_are_replaced) forget_listeners(config);
      listeners_are_replaced = true;
      table->add(config, {}, command_line());
    }
    const size_t record = is_listener && !config.listeners.empty() ? config.listeners.size() - 1 : 0;
    const Node node = node_from_text(*option, given.value, command_line());
    const auto mistake = set_value(*option, table->record(config, record), node, {given.option, directory});
    if (mistake) findings.diagnostics.push_back(*mistake);
    config.origins[fmt::format("{}.{}", record_name(*table, config, record), option->name)] = command_line();
  }
  return checked(std::move(config), machine, std::move(findings));
}

}  // namespace remuda::config
