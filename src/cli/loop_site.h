// SPDX-License-Identifier: Apache-2.0
//
// LoopSite: the Site of one loop: its caches, its handlers for every route, its end of the spawner's channel,
// its access log. The place where configuration, content, gateway and apps meet.
#pragma once

#include <memory>
#include <optional>

#include "apps/exec.h"
#include "apps/spawner_client.h"
#include "cli/app_log.h"
#include "cli/shared_parts.h"
#include "content/file_cache.h"
#include "server/access_log.h"
#include "server/request_steps.h"
#include "server/site.h"

namespace remuda::cli {

class LoopSite final : public server::Site {
 public:
  LoopSite(std::shared_ptr<SharedParts> shared, server::SiteParts parts);

  http::Service& service() override { return *steps_; }
  base::Log& log() override { return log_; }
  void start(loop::Scope& scope) override;
  void flush() override;

 private:
  server::Destination destination(size_t route, loop::Loop& loop, loop::Offload& offload);
  std::unique_ptr<http::Handler> app_handler(const config::Route& route, loop::Loop& loop,
                                             loop::Offload& offload);

  std::shared_ptr<SharedParts> shared_;
  base::Log& log_;
  std::optional<server::AccessLog> access_;
  content::FileCache files_;
  AppLog app_log_;
  std::unique_ptr<apps::SpawnerClient> spawner_;            // null: there are no applications
  std::vector<std::unique_ptr<apps::ExecSource>> sources_;  // one for each application
  std::unique_ptr<server::RequestSteps> steps_;
};

}  // namespace remuda::cli
