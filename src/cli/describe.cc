// SPDX-License-Identifier: Apache-2.0
//
// Sentences about a configuration.
#include "cli/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/option.h"
#include "config/suggest.h"

namespace remuda::cli {
namespace {

std::string_view word(const char* option, unsigned value) {
  return config::find_option(config::table_named("app"), option)->words[value];
}

std::string describe_app(const config::App& app) {
  const auto place = [&app] {
    return app.program.empty() ? "programs in " + app.root.text : app.program.text;
  };
  const std::string program =
      app.is_loaded()
          ? fmt::format("{} in {}, by {}", app.entry_point.empty() ? "the application" : app.entry_point,
                        app.root.text, app.interpreter.text)
          : place();
  return fmt::format("application {}: {} ({}, {})", app.name, program, word_of(app.type), word_of(app.model));
}

std::string counted(uint32_t number, const char* singular, const char* plural) {
  return fmt::format("{} {}", number, number == 1 ? singular : plural);
}

// The names of the classic models, where the three numbers are one.
std::string_view model_name(const config::Workers& workers, uint32_t threads) {
  if (workers.start == config::Start::kPerConnection) return "a process per connection";
  if (workers.connections == 1) {
    if (threads == 1) return "prefork";
    return workers.processes == 1 ? "thread pool" : "thread pools";
  }
  return workers.processes == 1 ? "event driven" : "hybrid";
}

}  // namespace

std::string_view word_of(config::AppType type) { return word("type", static_cast<unsigned>(type)); }
std::string_view word_of(config::AppModel model) { return word("model", static_cast<unsigned>(model)); }

std::string no_such_app(const config::Config& config, std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(config.apps.size());
  for (const config::App& app : config.apps) names.emplace_back(app.name);
  const std::string hint = config::did_you_mean(name, names);
  return fmt::format("there is no application {}{}{}", name, hint.empty() ? "" : "; ", hint);
}

std::string describe_match(const config::Route& route) {
  std::string text = route.host.empty() ? "" : fmt::format("{} ", fmt::join(route.host, ", "));
  text += route.path;
  if (!route.method.empty()) text += fmt::format(" {}", fmt::join(route.method, ", "));
  return text;
}

std::string describe_action(const config::Config& config, const config::Route& route) {
  switch (route.action) {
    case config::Action::kFiles: return fmt::format("files of {}", route.files.root.text);
    case config::Action::kApp: return describe_app(config.apps[route.app_index]);
    case config::Action::kRedirect:
      return fmt::format("redirect ({}) to {}", route.redirect.status, route.redirect.url);
    case config::Action::kRespond: break;
  }
  return fmt::format("status {}", route.respond.status);
}

std::vector<std::string> describe_routes(const config::Config& config) {
  size_t width = 0;
  for (const config::Route& route : config.routes) width = std::max(width, describe_match(route).size());
  std::vector<std::string> lines;
  lines.reserve(config.routes.size());
  for (const config::Route& route : config.routes) {
    lines.push_back(fmt::format("{:<{}}  {}", describe_match(route), width, describe_action(config, route)));
  }
  return lines;
}

std::string describe_workers(const config::Workers& workers) {
  const uint32_t threads = workers.effective_threads();
  const std::string_view name = model_name(workers, threads);
  if (workers.start == config::Start::kPerConnection)
    return fmt::format("{}, at most {} at once", name, workers.processes);
  return fmt::format("{}: {}, {} and {} in each", name, counted(workers.processes, "process", "processes"),
                     counted(threads, "event loop", "event loops"),
                     counted(workers.connections, "connection", "connections"));
}

}  // namespace remuda::cli
