// SPDX-License-Identifier: Apache-2.0
//
// Whether what is run by a loader can be: the interpreter, the loader's own files, something to load; and
// that a route does not send an application's source as files.
#include <fmt/format.h>

#include <string_view>

#include "config/check.h"
#include "config/language.h"
#include "config/recognise.h"
#include "config/value.h"

namespace remuda::config {
namespace {

// A path below root, rather than MODULE:CALLABLE of what the interpreter finds.
bool is_file(const App& app) {
  return app.type != AppType::kWsgi || app.entry_point.contains('/') || app.entry_point.ends_with(".py");
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

// What an application that a loader runs needs.
void Checker::check_loaded(const App& app, const std::string& name) {
  if (app.root.empty()) {
    if (!spoiled(name)) {
      error("", app.origin, fmt::format("{}: has no root", name),
            "root = \"DIRECTORY\" of the application, where it runs");
    }
    return;
  }
  check_loader(app, name);
  check_entry_point(app, name);
  const std::string_view usual = language_of(app.type).interpreter;
  check_runs(app, name + ".interpreter", app.interpreter,
             fmt::format("install {}, or name another interpreter", usual.substr(usual.rfind('/') + 1)));
  if (app.threads > 1 && said(name + ".instances.concurrency") && app.instances.concurrency > app.threads) {
    warn(name + ".instances.concurrency", app.origin,
         fmt::format("{}.instances.concurrency: {} requests share {} threads", name,
                     app.instances.concurrency, app.threads),
         "leave it out: it is as many as threads");
  }
}

void Checker::check_loader(const App& app, const std::string& name) {
  const std::string& loaders = config_.server.loaders.text;
  const bool each_program = app.type == AppType::kCgi;
  const std::string needed =
      each_program ? loaders : fmt::format("{}/{}", loaders, language_of(app.type).loader);
  const Access access = each_program
                            ? machine_.directory(needed, std::nullopt)
                            : machine_.file(needed, app.identity ? app.identity : config_.server.identity);
  if (access == Access::kGood) return;
  const std::string option = said("server.loaders") ? "server.loaders" : name + ".type";
  error(option, app.origin,
        fmt::format("{}: the loader{} {} {}", name, each_program ? "s'" : "",
                    each_program ? "directory " + toml_quoted(needed) : toml_quoted(needed),
                    access == Access::kDenied ? "may not be read" : "does not exist"),
        "install all of Remuda, or say where its lib/remuda is: server.loaders = \"DIRECTORY\"");
}

void Checker::check_entry_point(const App& app, const std::string& name) {
  const auto& as = app.identity ? app.identity : config_.server.identity;
  if (machine_.directory(app.root.text, as) != Access::kGood) return;  // said already
  if (app.entry_point.empty()) {
    if (find_entry_point(app.type, app.root.text, machine_, as)) return;
    const Language& language = language_of(app.type);
    error(name + ".root", app.origin,
          fmt::format("{}.root: {} holds no {} application: no {}", name, toml_quoted(app.root.text),
                      language.interface, language.entry_points),
          fmt::format("say which: entry_point = {}", language.entry_point));
    return;
  }
  if (!is_file(app)) return;
  const std::string& said_file = app.entry_point;
  const std::string file = said_file.starts_with('/') ? said_file : app.root.text + "/" + said_file;
  const Access access = machine_.file(file, as);
  if (access == Access::kGood) return;
  error(name + ".entry_point", app.origin,
        fmt::format("{}.entry_point: {} {}", name, toml_quoted(file),
                    access == Access::kMissing  ? "does not exist"
                    : access == Access::kDenied ? "may not be read"
                                                : "is not a file"),
        "a path begins at root");
}

// A script of Node's: the file, who runs it, and what gives it its socket.
void Checker::check_node_script(const App& app, const std::string& name) {
  const auto& as = app.identity ? app.identity : config_.server.identity;
  if (const Access access = machine_.file(app.program.text, as); access != Access::kGood) {
    error(name + ".program", app.origin,
          fmt::format("{}.program: {} {}", name, toml_quoted(app.program.text),
                      access == Access::kMissing ? "does not exist" : "may not be read"),
          "correct the path");
  }
  check_runs(app, name + ".interpreter", app.interpreter, "install nodejs, or name another interpreter");
  check_listening(app, name);
  if (app.listen == Listen::kDescriptor) check_loader(app, name);
}

// Instances make their sockets themselves: as the server's own user, whose directory it is.
void Checker::check_listening(const App& app, const std::string& name) {
  if (app.type != AppType::kHttp || app.model != AppModel::kPool) return;
  if (app.listen == Listen::kSocket && app.identity) {
    error(name + ".listen", app.origin,
          fmt::format("{}.listen: \"socket\" needs instances that run as the server does", name),
          "listen = \"port\", or leave user and group out");
  }
}

// Its source is in root: as files it would go to everybody.
void Checker::check_source_is_kept(const Route& route, const std::string& name) {
  if (route.files.root.empty()) return;
  for (const App& app : config_.apps) {
    if (!app.is_loaded() || app.root.empty() || !is_below(app.root.text, route.files.root.text)) continue;
    error(name + ".files", route.origin,
          fmt::format("route.files: would send the source of app.{}, which is in {}", app.name,
                      toml_quoted(app.root.text)),
          "give what is public a directory of its own, below root or elsewhere");
  }
}

}  // namespace remuda::config
