// SPDX-License-Identifier: Apache-2.0
//
// A checked configuration is cut down, overridden and checked again. Origins are kept right, because what
// nobody said is not written.
#include "cli/advise/private_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/check.h"
#include "config/read.h"

namespace remuda::cli::advise {
namespace {

using config::App;
using config::AppModel;
using config::Config;
using config::Origin;
using config::Route;

using Origins = decltype(Config::origins);

void forget(Origins& origins, const std::string& begin) {
  std::erase_if(origins, [&](const auto& entry) { return entry.first.starts_with(begin); });
}

// Takes route `index` out; those behind it move up, and so do the names of their origins.
void erase_route(Config& config, size_t index) {
  Origins moved;
  forget(config.origins, fmt::format("route[{}].", index));
  for (size_t later = index + 1; later < config.routes.size(); ++later) {
    const std::string begin = fmt::format("route[{}].", later);
    for (const auto& [name, origin] : config.origins) {
      if (name.starts_with(begin))
        moved[fmt::format("route[{}].{}", later - 1, name.substr(begin.size()))] = origin;
    }
    forget(config.origins, begin);
  }
  config.origins.merge(moved);
  config.routes.erase(config.routes.begin() + static_cast<ptrdiff_t>(index));
}

void drop_helpers(Config& config, size_t index) {
  for (const char* option : {"authorize", "filter"})
    config.origins.erase(fmt::format("route[{}].{}", index, option));
  Route& route = config.routes[index];
  route.authorize = route.filter = {};
  route.authorize_index.reset();
  route.filter_index.reset();
}

void keep_routes_of(Config& config, const std::string& app) {
  for (size_t i = config.routes.size(); i-- > 0;) {
    const Route& route = config.routes[i];
    if (route.action == config::Action::kApp && route.app != app) {
      erase_route(config, i);
    } else {
      drop_helpers(config, i);
    }
  }
}

void keep_app(Config& config, size_t index) {
  for (size_t i = config.apps.size(); i-- > 0;) {
    if (i != index) forget(config.origins, fmt::format("app.{}.", config.apps[i].name));
  }
  App kept = std::move(config.apps[index]);
  config.apps.clear();
  config.apps.push_back(std::move(kept));
}

config::Overrides overrides_in(const std::string& directory) {
  return {{"listener.address", "unix:" + listening_socket(directory)},
          {"workers.processes", "1"},
          {"workers.start", "ahead"},
          {"server.run_directory", directory},
          {"log.access", "off"},
          {"log.error", error_log(directory)},
          {"log.level", "info"}};
}

}  // namespace

std::string listening_socket(const std::string& directory) { return directory + "/http"; }
std::string error_log(const std::string& directory) { return directory + "/error.log"; }

std::vector<AppModel> models_of(const App& app) {
  std::vector<AppModel> models;
  for (const AppModel model : {AppModel::kExec, AppModel::kFork, AppModel::kPool}) {
    if (config::is_available(app.type, model)) models.push_back(model);
  }
  return models;
}

std::expected<Config, std::string> private_config(Config config, size_t app, AppModel model,
                                                  const std::string& directory,
                                                  const config::Machine& machine) {
  keep_app(config, app);
  const std::string name = config.apps.front().name;
  keep_routes_of(config, name);
  config.apps.front().model = model;
  config.origins[fmt::format("app.{}.model", name)] = {Origin::Kind::kCommandLine, {}, 0, 0};
  config.server.pid_file = {};
  config.origins.erase("server.pid_file");
  auto checked = config::apply(std::move(config), overrides_in(directory), machine);
  if (checked) return std::move(*checked);
  const config::Diagnostic& first = checked.error().front();
  return std::unexpected(fmt::format("{}{}{}", first.what, first.hint.empty() ? "" : "; ", first.hint));
}

}  // namespace remuda::cli::advise
