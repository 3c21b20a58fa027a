// SPDX-License-Identifier: Apache-2.0
//
// The checks of applications. What type can run under what model is the table of the continuum; what of it
// this version has is is_available() (and Option::offered of the two options, which keeps the rest out of the
// reference).
#include <fmt/format.h>

#include <array>
#include <bit>

#include "config/check.h"
#include "config/value.h"

namespace remuda::config {
namespace {

constexpr uint8_t bit(AppModel model) { return static_cast<uint8_t>(1U << static_cast<unsigned>(model)); }
constexpr uint8_t kExec = bit(AppModel::kExec);
constexpr uint8_t kFork = bit(AppModel::kFork);
constexpr uint8_t kPool = bit(AppModel::kPool);
constexpr uint8_t kEmbedded = bit(AppModel::kEmbedded);
constexpr uint8_t kRemote = bit(AppModel::kRemote);
constexpr uint8_t kLanguage = kExec | kFork | kPool | kEmbedded;

// In the order of AppType.
constexpr std::array<uint8_t, 9> kPossible{kExec | kFork, kPool | kRemote, kPool | kRemote,
                                           kLanguage,     kLanguage,       kLanguage,
                                           kLanguage,     kPool | kRemote, kPool | kEmbedded};

constexpr std::string_view kAvailableText = "this version runs type \"cgi\" with model \"exec\"";

bool is_possible(AppType type, AppModel model) {
  return (kPossible[static_cast<size_t>(type)] & bit(model)) != 0;
}
bool is_available(AppType type, AppModel model) { return type == AppType::kCgi && model == AppModel::kExec; }
bool is_available(AppType type) { return type == AppType::kCgi; }

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

void Checker::check_app(App& app) {
  const std::string name = "app." + app.name;
  check_combination(app, name);
  app.identity = find_identity(name, app.origin, app.user, app.group);
  if (app.identity && app.user.empty() && config_.server.identity)
    app.identity->user = config_.server.identity->user;
  if (!said(name + ".body")) app.body = config_.limits.body;
  check_programs(app, name);
}

void Checker::check_combination(const App& app, const std::string& name) {
  if (!is_possible(app.type, app.model) && said(name + ".model")) {
    const std::string_view near = word(nearest_model(app.type, app.model));
    return error(name + ".model", app.origin,
                 fmt::format("{}.model: type \"{}\" cannot run under model \"{}\": {}", name, word(app.type),
                             word(app.model), why_impossible(app.type, app.model)),
                 is_available(app.type)
                     ? fmt::format("the nearest that works is \"{}\"", near)
                     : fmt::format("the nearest would be \"{}\"; {}", near, kAvailableText));
  }
  if (!is_available(app.type)) {
    return error(name + ".type", app.origin,
                 fmt::format("{}.type: \"{}\" is not available in this version", name, word(app.type)),
                 std::string(kAvailableText));
  }
  if (!is_available(app.type, app.model)) {
    error(name + ".model", app.origin,
          fmt::format("{}.model: \"{}\" is not available in this version", name, word(app.model)),
          std::string(kAvailableText));
  }
}

void Checker::check_programs(const App& app, const std::string& name) {
  const bool has_root = said(name + ".root");
  const bool has_program = said(name + ".program");
  if (has_root && has_program) {
    return error(name + ".program", app.origin, fmt::format("{}: has both root and program", name),
                 "root for a directory of programs, program for one that answers everything");
  }
  if (!has_root && !has_program) {
    if (spoiled(name) || !is_available(app.type)) return;
    return error("", app.origin, fmt::format("{}: has neither root nor program", name),
                 "root = \"DIRECTORY\" of programs, or program = \"FILE\" that answers everything");
  }
  const bool own = app.identity.has_value();
  const auto& as = own ? app.identity : config_.server.identity;
  const std::string& user = own ? app.user : config_.server.user;
  check_directory(name + ".spool_directory", name + ".spool_directory", app.origin, app.spool_directory,
                  std::nullopt, "");
  check_directory(name + ".root", name + ".root", app.origin, app.root, as, user);
  if (app.program.empty()) return;
  const std::string option = name + ".program";
  const std::string quoted = toml_quoted(app.program.text);
  switch (machine_.program(app.program.text, as)) {
    case Access::kGood: return;
    case Access::kMissing:
      return error(option, app.origin, fmt::format("{}: {} does not exist", option, quoted),
                   "install it, or correct the path");
    case Access::kWrongKind:
      return error(option, app.origin, fmt::format("{}: {} is not a file", option, quoted),
                   "root = for a directory of programs");
    case Access::kDenied:
      return error(option, app.origin, fmt::format("{}: {} may not be executed", option, quoted),
                   fmt::format("chmod +x {}", app.program.text));
  }
}

void Checker::warn_of_unused_apps() {
  for (const App& app : config_.apps) {
    bool used = false;
    for (const Route& route : config_.routes) used = used || route.app == app.name;
    if (!used) {
      warn("", app.origin, fmt::format("app.{}: no route refers to it", app.name),
           fmt::format("add [[route]] with app = \"{}\"", app.name));
    }
  }
}

}  // namespace remuda::config
