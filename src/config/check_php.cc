// SPDX-License-Identifier: Apache-2.0
//
// Applications of type php: which PHP runs them, and what that can do. Remuda's own (remuda-php, which can be
// forked from a template) where it is installed, else php-cgi, which pool and exec take as well.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/check.h"
#include "config/language.h"
#include "config/value.h"

namespace remuda::config {
namespace {

constexpr std::string_view kOtherProgram = "/usr/bin/php-cgi";

bool is_setting_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

}  // namespace

// What was not said: the program, and which files are scripts.
void Checker::fill_in_php(App& app, const std::string& name) {
  const std::string own = php_program(config_);
  const auto& as = app.identity ? app.identity : config_.server.identity;
  if (!said(name + ".program")) {
    const auto is_there = [&](std::string_view program) {
      return machine_.program(std::string(program), as) == Access::kGood;
    };
    const bool other = app.model != AppModel::kFork && !is_there(own) && is_there(kOtherProgram);
    app.program.text = other ? std::string(kOtherProgram) : own;
  }
  if (app.program.text != own) app.preloaded.enabled = false;
  if (!said(name + ".scripts")) app.scripts = {".php"};
  if (!said(name + ".index")) app.index = {"index.php"};
}

void Checker::check_php(const App& app, const std::string& name) {
  if (app.root.empty() && !spoiled(name)) {
    error("", app.origin, fmt::format("{}: has no root", name), "root = \"DIRECTORY\" of the scripts");
  }
  if (app.model == AppModel::kFork && !app.preloaded.enabled) {
    error(name + ".program", app.origin,
          fmt::format("{}.program: {} cannot be forked from a template", name, toml_quoted(app.program.text)),
          "leave it out, for Remuda's own PHP, or use model = \"pool\"");
  }
  check_runs(app, name + (said(name + ".program") ? ".program" : ".type"), app.program,
             "install all of Remuda, or the package php-cgi");
  check_settings(app, name);
}

// Each is a line of php.ini.
void Checker::check_settings(const App& app, const std::string& name) {
  for (const auto& [setting, value] : app.ini) {
    if (!is_setting_name(setting)) {
      error(name + ".ini", app.origin,
            fmt::format("{}.ini: {} is not the name of a setting", name, toml_quoted(setting)),
            "such as \"memory_limit\"");
    } else if (value.contains('\n')) {
      error(name + ".ini", app.origin, fmt::format("{}.ini: {} has more than one line", name, setting),
            "each setting is a line of php.ini");
    }
  }
  if (app.ini.empty() || app.program.text == php_program(config_)) return;
  warn(name + ".ini", app.origin,
       fmt::format("{}.ini: scripts that {} runs can change these settings", name, app.program.text),
       "Remuda's own PHP keeps them: leave program out, and install all of Remuda");
}

}  // namespace remuda::config
