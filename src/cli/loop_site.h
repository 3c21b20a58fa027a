// SPDX-License-Identifier: Apache-2.0
//
// LoopSite: the Site of one loop: its caches, its applications (loop_apps.h), its handlers for every route,
// its access log. The place where configuration, content and gateway meet.
#pragma once

#include <memory>
#include <optional>

#include "admin/service.h"
#include "cli/loop_apps.h"
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
  http::Service* admin() override { return admin_.get(); }
  base::Log& log() override { return log_; }
  void start(loop::Scope& scope) override;
  void flush() override;

 private:
  std::unique_ptr<admin::Service> make_admin(loop::Loop& loop);

  std::shared_ptr<SharedParts> shared_;
  base::Log& log_;
  std::optional<server::AccessLog> access_;
  content::FileCache files_;
  LoopApps apps_;
  std::unique_ptr<server::RequestSteps> steps_;
  std::optional<server::Figures::Seat> seat_;
  std::unique_ptr<admin::Service> admin_;  // home loop only
};

}  // namespace remuda::cli
