// SPDX-License-Identifier: Apache-2.0
//
// `remuda explain app NAME`: every option that means something for it, and from the server, if it runs, the
// arithmetic of its size and the trouble that it has.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "cli/app_commands.h"
#include "cli/commands.h"
#include "cli/confinement.h"
#include "cli/describe.h"
#include "cli/explain_lines.h"
#include "cli/status_text.h"

namespace remuda::cli {
namespace {

using config::App;
using config::Config;

bool means_something(const config::Option& option, const App& app) {
  return (option.models == 0 || (option.models & config::bit(app.model)) != 0) &&
         (option.types == 0 || (option.types & config::bit(app.type)) != 0);
}

std::string configured_text(const Config& config, size_t index) {
  const App& app = config.apps[index];
  std::string text = fmt::format("application {} ({})\n", app.name, to_string(app.origin));
  const config::Table& table = config::table_named("app");
  for (const config::Option& option : table.options) {
    if (means_something(option, app)) add_option(text, config, table, index, option, kOptionWidth);
  }
  const std::vector<std::string> run = describe_command(config, app);
  if (!run.empty()) text += "\nhow it is run\n";
  for (const std::string& line : run) text += fmt::format("   {}\n", base::escaped(line));
  const std::vector<std::string> apart = describe_confinement(app);
  if (!apart.empty()) text += "\nhow it is kept apart\n";
  for (const std::string& line : apart) text += fmt::format("   {}\n", base::escaped(line));
  return text;
}

std::string live_text(const Reach& reach, const std::string& name) {
  const auto server = LiveServer::find(reach);
  if (!server) return fmt::format("\nnow\n   {}\n", server.error());
  const auto gathered = server->gather(name);
  if (!gathered) return fmt::format("\nnow\n   {}\n", gathered.error().what);
  if (gathered->snapshot.apps.empty()) return {};
  const apps::AppStatus& app = gathered->snapshot.apps.front();
  std::string text = "\nnow\n";
  if (!app.instances.empty() || app.model == "pool")
    add_line(text, "instances", std::to_string(app.instances.size()), {}, kOptionWidth);
  text += fmt::format("   {}\n", queue_line(app.queue));
  if (!app.trouble.empty()) add_line(text, "trouble", base::escaped(app.trouble), {}, kOptionWidth);
  for (const std::string& line : apps::lines_of(templates_text(app, StatusDetail::kAll)))
    text += fmt::format(" {}\n", line);
  if (app.sizing.empty()) return text;
  const size_t workers = gathered->snapshot.workers.size();
  text += workers > 1 ? fmt::format("\nsize, in one of {} workers\n", workers) : "\nsize\n";
  for (const std::string& line : app.sizing) text += fmt::format("   {}\n", base::escaped(line));
  return text;
}

}  // namespace

int explain_app_command(const Reach& reach, const std::string& name, const Terminal& terminal) {
  const auto config = load(reach.source);
  if (!config) {
    terminal.report(config.error());
    return kFailure;
  }
  const auto app = std::ranges::find(config->apps, name, &App::name);
  if (app == config->apps.end()) {
    terminal.complain(fmt::format("remuda explain: {}", no_such_app(*config, name)));
    return kFailure;
  }
  terminal.print(configured_text(*config, static_cast<size_t>(app - config->apps.begin())) +
                 live_text(reach, name));
  return kSuccess;
}

}  // namespace remuda::cli
