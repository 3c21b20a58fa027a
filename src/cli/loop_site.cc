// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/loop_site.h"

#include "cli/destinations.h"
#include "cli/server_facts.h"

namespace remuda::cli {

namespace {

content::FileCacheLimits cache_limits(const config::Limits& limits) {
  content::FileCacheLimits result;
  result.bytes = limits.file_cache.count;
  return result;
}

}  // namespace

LoopSite::LoopSite(std::shared_ptr<SharedParts> shared, server::SiteParts parts)
    : shared_(std::move(shared)),
      log_(parts.log),
      files_(parts.loop, cache_limits(shared_->config.limits)),
      apps_(shared_->config, shared_->apps, parts) {
  if (parts.access != nullptr) access_.emplace(parts.loop, *parts.access, shared_->config.log.access_format);
  std::vector<server::Destination> destinations;
  destinations.reserve(shared_->config.routes.size());
  const LoopGround ground{*shared_, apps_, files_, parts.loop, parts.offload};
  for (size_t i = 0; i < shared_->config.routes.size(); ++i)
    destinations.push_back(make_destination(ground, i));
  steps_ = std::make_unique<server::RequestSteps>(shared_->router, std::move(destinations), shared_->pages,
                                                  parts.gate, parts.log, access_ ? &*access_ : nullptr,
                                                  parts.first_request_id);
  seat_.emplace(shared_->figures, steps_->counters(), parts.gate);
  if (parts.is_home()) admin_ = make_admin(parts.loop);
}

std::unique_ptr<admin::Service> LoopSite::make_admin(loop::Loop& loop) {
  const auto facts = [this, &loop, began = loop.now()] {
    return server_facts(shared_->figures, loop.now() - began);
  };
  const auto said = [this](std::string_view sentence) { log_.info("{}", sentence); };
  return std::make_unique<admin::Service>(facts, apps_.controls(), said);
}

void LoopSite::start(loop::Scope& scope) { apps_.start(scope); }

void LoopSite::flush() {
  if (access_) access_->flush();
}

}  // namespace remuda::cli
