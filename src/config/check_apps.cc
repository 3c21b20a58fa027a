// SPDX-License-Identifier: Apache-2.0
//
// The checks of applications: what type runs under what model, what follows from the model, and that
// programs, directories and peers are there. What type can run under what model is the table of the
// continuum; what of it this version has is is_available() (and Option::offered of the two options, which
// keeps the rest out of the reference). How the options of one model fit together is check_models.cc's.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/check.h"
#include "config/language.h"
#include "config/recognise.h"
#include "config/value.h"

namespace remuda::config {
namespace {

constexpr uint16_t kExec = bit(AppModel::kExec);
constexpr uint16_t kFork = bit(AppModel::kFork);
constexpr uint16_t kPool = bit(AppModel::kPool);
constexpr uint16_t kEmbedded = bit(AppModel::kEmbedded);
constexpr uint16_t kRemote = bit(AppModel::kRemote);
constexpr uint16_t kLanguage = kExec | kFork | kPool | kEmbedded;

// Less than servers wait that close by themselves (Node.js and uvicorn: 5 s): whoever closes first knows that
// no request is under way.
constexpr Duration kHttpIdleTime = std::chrono::seconds(4);

// In the order of AppType.
constexpr std::array<uint16_t, 9> kPossible{kExec | kFork, kPool | kRemote, kPool | kRemote,
                                            kLanguage,     kLanguage,       kLanguage,
                                            kLanguage,     kPool | kRemote, kPool | kEmbedded};
constexpr uint16_t kStarted = kExec | kFork | kPool;
constexpr std::array<uint16_t, 9> kAvailable{
    kExec | kFork, kPool | kRemote, kPool | kRemote, kStarted, kStarted, kStarted, kStarted, kPool | kRemote};

constexpr std::string_view kAvailableText =
    "this version runs type \"cgi\" with model \"exec\" and \"fork\", types \"fastcgi\", \"scgi\" and "
    "\"http\" "
    "with \"pool\" and \"remote\", types \"wsgi\", \"rack\", \"psgi\" and \"php\" with \"exec\", \"fork\" "
    "and "
    "\"pool\"";

bool is_possible(AppType type, AppModel model) {
  return (kPossible[static_cast<size_t>(type)] & bit(model)) != 0;
}
bool is_available(AppType type) { return kAvailable[static_cast<size_t>(type)] != 0; }

// Of an application that does not say its model.
AppModel usual_model(AppType type) {
  if (type == AppType::kScgi) return AppModel::kRemote;
  return type == AppType::kCgi ? AppModel::kExec : AppModel::kPool;
}

std::string_view why_impossible(AppType type, AppModel model) {
  switch (model) {
    case AppModel::kExec:
    case AppModel::kFork:
      return type == AppType::kModule ? "it is code that is loaded, not a program that is started"
                                      : "it answers many requests, and a process for each would not";
    case AppModel::kPool: return "a CGI program answers one request and ends";
    case AppModel::kEmbedded: return "it is a program of its own, not code that the server can load";
    case AppModel::kRemote: return "there is no protocol by which another machine would offer it";
  }
  return {};
}

AppModel nearest_model(AppType type, AppModel wanted) {
  AppModel best = wanted;
  int best_distance = 99;
  for (int i = 0; i <= static_cast<int>(AppModel::kRemote); ++i) {
    const auto model = static_cast<AppModel>(i);
    const int distance = std::abs(i - static_cast<int>(wanted));
    const bool works = is_available(type) ? is_available(type, model) : is_possible(type, model);
    if (!works || distance >= best_distance) continue;
    best = model;
    best_distance = distance;
  }
  return best;
}

std::string_view word(const char* option, unsigned value) {
  return find_option(table_named("app"), option)->words[value];
}
std::string_view word(AppType type) { return word("type", static_cast<unsigned>(type)); }
std::string_view word(AppModel model) { return word("model", static_cast<unsigned>(model)); }

}  // namespace

bool is_available(AppType type, AppModel model) {
  return (kAvailable[static_cast<size_t>(type)] & bit(model)) != 0;
}

void Checker::check_app(App& app) {
  const std::string name = "app." + app.name;
  fill_in(app, name);
  const bool works = check_combination(app, name);
  app.identity = find_identity(name, app.origin, app.user, app.group);
  if (app.identity && app.user.empty() && config_.server.identity)
    app.identity->user = config_.server.identity->user;
  if (!works) return;
  if (app.is_loaded()) {
    check_loaded(app, name);
  } else if (app.type == AppType::kPhp) {
    check_php(app, name);
  } else {
    check_programs(app, name);
  }
  check_directories(app, name);
  check_belonging(app, name);
  check_scripts(app, name);
  check_limits(app, name);
  check_processes(app, name);
  check_confinement(app, name);
  if (app.model == AppModel::kPool) check_instances(app, name);
  if (app.model == AppModel::kRemote) check_farm(app, name);
}

// What follows from type and model, for what was not said.
void Checker::fill_in(App& app, const std::string& name) {
  const auto fill = [&](std::string_view option, auto& member, auto value) {
    if (!said(fmt::format("{}.{}", name, option))) member = value;
  };
  const App defaults;
  fill("model", app.model, usual_model(app.type));
  const bool remote = app.model == AppModel::kRemote;
  const bool for_each_request = app.model == AppModel::kExec || app.model == AppModel::kFork;
  const bool is_http = app.type == AppType::kHttp;
  fill("pass_authorization", app.pass_authorization, is_http);
  fill("allow_encoded_slash", app.allow_encoded_slash, is_http);
  fill("time_limit", app.time_limit, is_http ? Duration{} : defaults.time_limit);
  fill("first_byte_timeout", app.first_byte_timeout, is_http ? App::kHttpFirstByte : Duration{});
  fill("body", app.body, config_.limits.body);
  fill("concurrency", app.concurrency, remote ? App::kFarmConcurrency : defaults.concurrency);
  fill("request_buffering", app.request_buffering, !for_each_request);
  fill("idle_connection_time", app.idle_connection_time,
       remote    ? App::kFarmIdleTime
       : is_http ? kHttpIdleTime
                 : defaults.idle_connection_time);
  fill("hash_key", app.hash_key, app.balance == Balance::kHash ? "path" : "");
  // Templates of a pool see that files change: they stay as long as there may be instances.
  fill("template.idle_timeout", app.preloaded.idle_timeout,
       app.model == AppModel::kPool ? Duration{} : defaults.preloaded.idle_timeout);
  if (is_http) fill("instances.concurrency", app.instances.concurrency, App::kHttpConcurrency);
  if (app.is_node_script()) {
    fill("interpreter", app.interpreter.text, std::string(language_of(app.type).interpreter));
  } else if (!app.is_loaded()) {
    app.interpreter = {};
  } else {
    const auto& as = app.identity ? app.identity : config_.server.identity;
    fill("interpreter", app.interpreter.text,
         app.root.empty() ? std::string() : usual_interpreter(app.type, app.root.text, machine_, as));
    fill("instances.concurrency", app.instances.concurrency, app.threads);
  }
  if (app.type == AppType::kPhp) fill_in_php(app, name);
  fill_in_confinement(app, name);
  if (remote && app.keep_connections == App::kAsManyAsItTakes) app.keep_connections = App::kFarmKeeps;
}

bool Checker::check_combination(const App& app, const std::string& name) {
  if (!is_possible(app.type, app.model) && said(name + ".model")) {
    const std::string_view near = word(nearest_model(app.type, app.model));
    error(name + ".model", app.origin,
          fmt::format("{}.model: type \"{}\" cannot run under model \"{}\": {}", name, word(app.type),
                      word(app.model), why_impossible(app.type, app.model)),
          is_available(app.type) ? fmt::format("the nearest that works is \"{}\"", near)
                                 : fmt::format("the nearest would be \"{}\"; {}", near, kAvailableText));
    return false;
  }
  if (!is_available(app.type)) {
    error(name + ".type", app.origin,
          fmt::format("{}.type: \"{}\" is not available in this version", name, word(app.type)),
          std::string(kAvailableText));
    return false;
  }
  if (!is_available(app.type, app.model)) {
    error(name + ".model", app.origin,
          fmt::format("{}.model: \"{}\" is not available in this version", name, word(app.model)),
          std::string(kAvailableText));
    return false;
  }
  if (app.model == AppModel::kPool && config_.workers.start == Start::kPerConnection) {
    error(name + ".model", app.origin,
          fmt::format(
              "{}.model: \"pool\" needs workers that live on, and workers.start = \"per-connection\" has a "
              "process for each connection",
              name),
          app.is_loaded()
              ? "set workers.start = \"ahead\", or use model = \"fork\""
              : "set workers.start = \"ahead\", or run the processes elsewhere and use model = \"remote\"");
  }
  return true;
}

// What answers: a program, a directory of programs, peers.
void Checker::check_programs(const App& app, const std::string& name) {
  const bool has_root = said(name + ".root");
  const bool has_program = said(name + ".program");
  const bool unsaid = !spoiled(name);
  switch (app.model) {
    case AppModel::kPool:
      if (!has_program && unsaid) {
        error("", app.origin, fmt::format("{}: has no program that instances could run", name),
              "program = \"FILE\", or model = \"remote\" and peers = [...] for processes that others run");
      }
      break;
    case AppModel::kRemote:
      if (app.peers.empty() && unsaid) {
        error(name + ".peers", app.origin, fmt::format("{}: has no peers", name),
              "peers = [\"127.0.0.1:9000\"], or model = \"pool\" and program = \"FILE\" for processes that "
              "this "
              "server runs");
      }
      break;
    default:
      if (has_root && has_program) {
        error(name + ".program", app.origin, fmt::format("{}: has both root and program", name),
              "root for a directory of programs, program for one that answers everything");
      }
      if (!has_root && !has_program && unsaid) {
        error("", app.origin, fmt::format("{}: has neither root nor program", name),
              "root = \"DIRECTORY\" of programs, or program = \"FILE\" that answers everything");
      }
      if (has_root && said(name + ".arguments")) {
        warn(name + ".arguments", app.origin, fmt::format("{}.arguments: means nothing with root", name),
             "programs of a directory get none");
      }
      break;
  }
  if (app.is_node_script()) return check_node_script(app, name);
  check_listening(app, name);
  if (!app.program.empty() && applies(*find_option(table_named("app"), "program"), app))
    check_runs(app, name + ".program", app.program, "install it, or correct the path");
  if (app.model == AppModel::kFork) check_loader(app, name);
}

void Checker::check_runs(const App& app, const std::string& option, const Path& program,
                         std::string_view missing_hint) {
  const std::string quoted = toml_quoted(program.text);
  switch (machine_.program(program.text, app.identity ? app.identity : config_.server.identity)) {
    case Access::kGood: return;
    case Access::kMissing:
      return error(option, app.origin, fmt::format("{}: {} does not exist", option, quoted),
                   std::string(missing_hint));
    case Access::kWrongKind:
      return error(option, app.origin, fmt::format("{}: {} is not a file", option, quoted),
                   app.is_loaded() ? "name the interpreter itself" : "root = for a directory of programs");
    case Access::kDenied:
      return error(option, app.origin, fmt::format("{}: {} may not be executed", option, quoted),
                   fmt::format("chmod +x {}", program.text));
  }
}

// Scripts of pools and farms are looked up by the worker, programs by who runs them.
void Checker::check_directories(const App& app, const std::string& name) {
  const Server& server = config_.server;
  const bool own = app.identity.has_value();
  const auto check = [&](std::string_view option, const Path& path, bool own_user) {
    const std::string full = fmt::format("{}.{}", name, option);
    check_directory(full, full, app.origin, path, own_user ? app.identity : server.identity,
                    own_user ? app.user : server.user);
  };
  check_directory(name + ".spool_directory", name + ".spool_directory", app.origin, app.spool_directory,
                  std::nullopt, "");
  const bool looked_up_by_worker =
      (app.model == AppModel::kPool && !app.is_loaded()) || app.type == AppType::kPhp;
  check("root", app.root, own && !looked_up_by_worker && app.model != AppModel::kRemote);
  if (app.model != AppModel::kRemote) check("directory", app.directory, own);
  for (const Path& root : app.sendfile_roots) check("sendfile_roots", root, false);
}

// An option that silently does nothing.
void Checker::check_belonging(const App& app, const std::string& name) {
  for (const Option& option : table_named("app").options) {
    const std::string full = fmt::format("{}.{}", name, option.name);
    if (!said(full) || applies(option, app)) continue;
    const bool by_model = option.models != 0 && (option.models & bit(app.model)) == 0;
    warn(full, app.origin,
         fmt::format("{}: means nothing with {} \"{}\"", full, by_model ? "model" : "type",
                     by_model ? word(app.model) : word(app.type)),
         "leave it out");
  }
  if (app.role != AppRole::kResponder && app.type != AppType::kFastcgi) {
    error(name + ".role", app.origin,
          fmt::format("{}.role: type \"{}\" has only responders", name, word(app.type)),
          "type = \"fastcgi\"");
  }
}

void Checker::warn_of_unused_apps() {
  for (const App& app : config_.apps) {
    const bool used = std::ranges::any_of(config_.routes, [&](const Route& route) {
      return route.app == app.name || route.authorize == app.name || route.filter == app.name;
    });
    if (used) continue;
    const std::string_view by = app.role == AppRole::kAuthorizer ? "authorize"
                                : app.role == AppRole::kFilter   ? "filter"
                                                                 : "app";
    warn("", app.origin, fmt::format("app.{}: no route refers to it", app.name),
         fmt::format("add [[route]] with {} = \"{}\"", by, app.name));
  }
}

}  // namespace remuda::config
