// SPDX-License-Identifier: Apache-2.0
//
// LoopApps: every application as one loop has it: the source that its model stands for, the wire that its
// type speaks. The place where type meets model; everything above is the same for all of them.
//
//     model   exec    ExecSource        type   cgi      CgiWire
//             fork    ExecSource               fastcgi  FastcgiWire
//             pool    PoolSource               scgi     ScgiWire
//             remote  FarmSource               http     HttpWire
//                                              wsgi, psgi: as CGI of exec and fork, as FastCGI of a pool
//
// On the home loop (the worker's first) also what manages them: the pool's Home, the farms' health, the
// controls that status and the commands use. One loop, its thread; outlives the handlers.
#pragma once

#include <memory>
#include <vector>

#include "apps/exec_control.h"
#include "apps/pool/home.h"
#include "apps/remote/farm_home.h"
#include "apps/spawner_client.h"
#include "apps/template_control.h"
#include "cli/app_log.h"
#include "cli/shared_apps.h"
#include "config/config.h"
#include "gateway/application.h"
#include "loop/offload.h"
#include "server/site.h"

namespace remuda::cli {

class LoopApps {
 public:
  // Takes the spawner's channel out of `parts`. All else outlives this.
  LoopApps(const config::Config& config, SharedApps& shared, server::SiteParts& parts);
  ~LoopApps();
  LoopApps(const LoopApps&) = delete;
  LoopApps& operator=(const LoopApps&) = delete;

  gateway::Application application(size_t app);

  // Stories that work beside requests.
  void start(loop::Scope& scope);

  // In the order of the configuration; empty but on the home loop.
  const std::vector<apps::Control*>& controls() const { return controls_; }

 private:
  struct App {
    std::unique_ptr<gateway::Wire> wire;  // its connections stand in the source's endpoints
    std::unique_ptr<apps::Source> source;
    std::unique_ptr<apps::Prober> prober;               // home loop: of a pool
    std::unique_ptr<apps::remote::FarmHome> farm_home;  // home loop: of a farm
    std::unique_ptr<apps::ExecControl> control;         // home loop: of programs
    std::unique_ptr<apps::TemplateControl> templates;  // home loop: around another, where there are templates
  };

  std::unique_ptr<apps::Source> make_source(SharedApp& shared);
  std::unique_ptr<gateway::Wire> make_wire(const config::App& app);
  std::unique_ptr<apps::Prober> make_prober(const config::App& app);
  void manage(const config::Config& config, SharedApps& shared, server::SiteParts& parts);
  apps::Control& manage(const config::App& config, App& app, SharedApp& shared, base::Log& log);
  apps::Control& with_templates(const config::Config& config, size_t app, apps::Control& inner);

  loop::Loop& loop_;
  loop::Offload& offload_;
  AppLog log_;
  std::unique_ptr<apps::SpawnerClient> spawner_;  // null: nothing is started here
  std::unique_ptr<apps::Templates> templates_;    // home loop, if anything is started here
  std::vector<App> apps_;
  std::unique_ptr<apps::pool::Home> home_;  // home loop, if there is a pool
  std::vector<apps::Control*> controls_;
};

}  // namespace remuda::cli
