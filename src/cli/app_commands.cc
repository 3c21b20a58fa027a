// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/app_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/confinement.h"
#include "config/language.h"

namespace remuda::cli {

namespace {

using config::AppModel;
using config::AppType;

constexpr std::string_view kAllowedServers = "FCGI_WEB_SERVER_ADDRS";
constexpr std::string_view kPort = "PORT";
constexpr std::string_view kDirectory = "PWD";
constexpr std::string_view kDevelopment = "REMUDA_DEV";

std::string loader_of(const config::Config& config, AppType type) {
  return fmt::format("{}/{}", config.server.loaders.text, config::language_of(type).loader);
}

// With a descriptor for a socket the loader gives it to the script.
Command node_command(const config::Config& config, const config::App& app) {
  Command command{app.interpreter.text, {}};
  if (app.listen == config::Listen::kDescriptor)
    command.arguments = {"--require", loader_of(config, app.type)};
  command.arguments.push_back(app.program.text);
  command.arguments.insert(command.arguments.end(), app.arguments.begin(), app.arguments.end());
  return command;
}

// Remuda's own PHP keeps settings from its scripts.
Command php_command(const config::Config& config, const config::App& app) {
  Command command{app.program.text, app.arguments};
  const bool is_own = app.program.text == config::php_program(config);
  for (const auto& [setting, value] : app.ini) {
    command.arguments.emplace_back(is_own ? "-D" : "-d");
    command.arguments.push_back(fmt::format("{}={}", setting, value));
  }
  return command;
}

bool says(const config::App& app, std::string_view name) {
  for (const auto& [variable, value] : app.environment) {
    if (variable == name) return true;
  }
  return false;
}

}  // namespace

Command command_of(const config::Config& config, const config::App& app) {
  if (app.is_node_script()) return node_command(config, app);
  if (app.type == AppType::kPhp) return php_command(config, app);
  if (!app.is_loaded()) return {app.program.text, app.arguments};
  Command command{app.interpreter.text, {loader_of(config, app.type)}};
  const auto add = [&command](std::string name, std::string value) {
    command.arguments.push_back(std::move(name));
    command.arguments.push_back(std::move(value));
  };
  if (!app.entry_point.empty()) add("--entry-point", app.entry_point);
  if (app.model == AppModel::kPool && app.threads > 1) add("--threads", std::to_string(app.threads));
  return command;
}

std::vector<std::string> environment_of(const config::Config& config, const config::App& app) {
  std::vector<std::string> environment = passed_environment(app);
  const bool has_port = app.listen == config::Listen::kPort;
  if (has_port) std::erase_if(environment, [](const std::string& each) { return each.starts_with("PORT="); });
  for (const auto& [name, value] : app.environment) {
    if (has_port && name == kPort) continue;  // each instance has its own
    environment.push_back(fmt::format("{}={}", name, value));
  }
  if (app.model == AppModel::kPool && app.type == AppType::kFastcgi && !says(app, kAllowedServers))
    environment.push_back(fmt::format("{}=127.0.0.1", kAllowedServers));
  // By which name it was entered: where that is a link ("current"), loaders watch it.
  if (app.is_loaded() && !says(app, kDirectory))
    environment.push_back(fmt::format("{}={}", kDirectory, app.root.text));
  if (app.is_loaded() && config.server.dev && !says(app, kDevelopment))
    environment.push_back(fmt::format("{}=1", kDevelopment));
  return environment;
}

bool has_templates(const config::App& app) {
  return app.model == AppModel::kFork ||
         (app.model == AppModel::kPool && app.is_preloaded() && app.preloaded.enabled);
}

spawner::TemplateRules template_rules(const config::Config& config, const config::App& app) {
  spawner::TemplateRules rules;
  if (!has_templates(app)) return rules;
  rules.covers = app.is_preloaded() ? spawner::TemplateFor::kApplication : spawner::TemplateFor::kEachProgram;
  if (app.model == AppModel::kFork) rules.fork_serves = spawner::ForkServes::kOneRequest;
  rules.start_timeout = app.preloaded.start_timeout;
  rules.idle_timeout = app.preloaded.idle_timeout;
  rules.queue = std::max<uint32_t>(app.queue, 1);
  rules.most = app.preloaded.most;
  rules.reload = app.preloaded.reload == config::Reload::kAuto ? spawner::Reload::kOnChange
                                                               : spawner::Reload::kOnRequest;
  rules.loaders = config.server.loaders.text;
  return rules;
}

apps::TemplateOptions template_options(const config::Config& config, size_t app) {
  using Instances = apps::TemplateOptions::Instances;
  const config::App& its = config.apps[app];
  return {.app = static_cast<uint32_t>(app),
          .start_timeout = its.preloaded.start_timeout,
          .instances = its.model == AppModel::kPool ? Instances::kFollow : Instances::kNone};
}

std::vector<std::string> describe_command(const config::Config& config, const config::App& app) {
  if (app.model == AppModel::kRemote) return {};
  std::vector<std::string> lines;
  const Command command = command_of(config, app);
  const std::string what = command.program.empty()
                               ? fmt::format("a program in {}", app.root.text)
                               : fmt::format("{}{}{}", command.program, command.arguments.empty() ? "" : " ",
                                             fmt::join(command.arguments, " "));
  lines.push_back(
      fmt::format("{} runs {}", app.model == AppModel::kPool ? "each instance" : "each request", what));
  if (!has_templates(app)) {
    const bool switched_off = app.is_preloaded() && app.model == AppModel::kPool;
    lines.emplace_back(switched_off ? "no template: template.enabled is false"
                                    : "no template: it is started anew each time");
  } else if (app.is_preloaded()) {
    lines.push_back(fmt::format("forked from one template that has loaded the application{}",
                                app.preloaded.reload == config::Reload::kAuto
                                    ? ", anew when a file of it has changed"
                                    : ", anew after remuda restart"));
  } else {
    lines.push_back(
        fmt::format("forked from a template of the program, {} of them at once; what cannot be "
                    "forked is run by exec, and the log says why",
                    app.preloaded.most));
  }
  return lines;
}

}  // namespace remuda::cli
