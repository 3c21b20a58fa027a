// SPDX-License-Identifier: Apache-2.0
//
// Order of construction is order of dependence: the spawner's client, sources and wires, what manages them.
#include "cli/loop_apps.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/pool/pool_source.h"
#include "apps/remote/farm_source.h"
#include "cli/app_commands.h"
#include "cli/app_options.h"
#include "gateway/cgi/cgi_wire.h"
#include "gateway/fastcgi/fastcgi_prober.h"
#include "gateway/fastcgi/fastcgi_wire.h"
#include "gateway/proxy/http_prober.h"
#include "gateway/proxy/http_wire.h"
#include "gateway/scgi/scgi_prober.h"
#include "gateway/scgi/scgi_wire.h"

namespace remuda::cli {

LoopApps::LoopApps(const config::Config& config, SharedApps& shared, server::SiteParts& parts)
    : loop_(parts.loop), offload_(parts.offload), log_(parts.log) {
  if (parts.spawner_channel)
    spawner_ = std::make_unique<apps::SpawnerClient>(loop_, std::move(parts.spawner_channel));
  for (size_t i = 0; i < config.apps.size(); ++i) {
    SharedApp& its = shared.apps[i];
    if (its.farm && !parts.run_directory.empty())
      its.farm->keep_orders(
          apps::remote::OrdersFile(fmt::format("{}/farm.{}.{}.peers", parts.run_directory, parts.place, i)));
    apps_.push_back({make_wire(config.apps[i]), make_source(its), nullptr, nullptr, nullptr, nullptr});
  }
  if (parts.is_home()) manage(config, shared, parts);
}

LoopApps::~LoopApps() = default;

gateway::Application LoopApps::application(size_t app) {
  return {.source = *apps_[app].source, .wire = *apps_[app].wire, .offload = offload_};
}

void LoopApps::start(loop::Scope& scope) {
  if (spawner_) scope.spawn(spawner_->run());
  for (const App& app : apps_) scope.spawn(app.wire->run());
  if (home_) scope.spawn(home_->run());
  for (const App& app : apps_) {
    if (app.farm_home) scope.spawn(app.farm_home->run());
    if (app.templates) scope.spawn(app.templates->run());
  }
}

std::unique_ptr<apps::Source> LoopApps::make_source(SharedApp& shared) {
  if (shared.group != nullptr) return std::make_unique<apps::pool::PoolSource>(*shared.group, loop_);
  if (shared.farm) return std::make_unique<apps::remote::FarmSource>(*shared.farm, loop_);
  return std::make_unique<apps::ExecSource>(*spawner_, *shared.exec);
}

std::unique_ptr<apps::Prober> LoopApps::make_prober(const config::App& app) {
  const gateway::ProbeOptions options = probe_options(app);
  if (app.type == config::AppType::kScgi) return std::make_unique<gateway::scgi::ScgiProber>(loop_, options);
  if (app.type == config::AppType::kHttp) return std::make_unique<gateway::proxy::HttpProber>(loop_, options);
  return std::make_unique<gateway::fastcgi::FastcgiProber>(loop_, options);
}

std::unique_ptr<gateway::Wire> LoopApps::make_wire(const config::App& app) {
  const bool one_request = app.model == config::AppModel::kExec || app.model == config::AppModel::kFork;
  if (one_request) return std::make_unique<gateway::CgiWire>(loop_, log_, wire_options(app));
  if (app.type == config::AppType::kScgi)
    return std::make_unique<gateway::scgi::ScgiWire>(loop_, offload_, log_, wire_options(app));
  if (app.type == config::AppType::kHttp)
    return std::make_unique<gateway::proxy::HttpWire>(loop_, offload_, log_, wire_options(app));
  return std::make_unique<gateway::fastcgi::FastcgiWire>(loop_, offload_, log_, wire_options(app));
}

void LoopApps::manage(const config::Config& config, SharedApps& shared, server::SiteParts& parts) {
  if (spawner_ && !shared.pool.groups().empty()) {
    home_ = std::make_unique<apps::pool::Home>(
        shared.pool, *spawner_, parts.log,
        apps::pool::HomeOptions{.run_directory = std::string(parts.run_directory)});
  }
  if (spawner_) {
    std::vector<std::string> names;
    for (const config::App& app : config.apps) names.push_back(app.name);
    templates_ = std::make_unique<apps::Templates>(
        loop_, parts.log, parts.place == 0 ? apps::Speaks::kYes : apps::Speaks::kNo, std::move(names));
    spawner_->tell_templates(*templates_);
  }
  for (size_t i = 0; i < apps_.size(); ++i) {
    apps::Control& control = manage(config.apps[i], apps_[i], shared.apps[i], parts.log);
    controls_.push_back(&with_templates(config, i, control));
  }
}

apps::Control& LoopApps::with_templates(const config::Config& config, size_t app, apps::Control& inner) {
  if (!templates_ || !has_templates(config.apps[app])) return inner;
  apps_[app].templates = std::make_unique<apps::TemplateControl>(loop_, inner, *templates_, *spawner_,
                                                                 template_options(config, app));
  return *apps_[app].templates;
}

apps::Control& LoopApps::manage(const config::App& config, App& app, SharedApp& shared, base::Log& log) {
  if (shared.group != nullptr) {
    app.prober = make_prober(config);
    home_->use_prober(*shared.group, *app.prober);
    return home_->control(*shared.group);
  }
  if (shared.farm) {
    app.farm_home = std::make_unique<apps::remote::FarmHome>(*shared.farm, loop_, offload_, log);
    app.farm_home->use_probers([this, &config] { return make_prober(config); });
    return app.farm_home->control();
  }
  app.control = std::make_unique<apps::ExecControl>(loop_, *shared.exec);
  return *app.control;
}

}  // namespace remuda::cli
