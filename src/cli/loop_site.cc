// SPDX-License-Identifier: Apache-2.0
//
// One function for each kind of destination.
#include "cli/loop_site.h"

#include "cli/app_options.h"
#include "cli/server_facts.h"
#include "content/file_handler.h"
#include "content/redirect_handler.h"
#include "content/respond_handler.h"
#include "gateway/app_handler.h"

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
  for (size_t i = 0; i < shared_->config.routes.size(); ++i) {
    destinations.push_back(destination(i, parts.loop, parts.offload));
  }
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

server::Destination LoopSite::destination(size_t index, loop::Loop& loop, loop::Offload& offload) {
  const config::Config& config = shared_->config;
  const config::Route& route = config.routes[index];
  const uint64_t body_limit = config.limits.body.count;
  switch (route.action) {
    case config::Action::kFiles:
      return {std::make_unique<content::FileHandler>(shared_->sites[index], files_, offload, shared_->pages),
              "files " + route.files.root.text, body_limit};
    case config::Action::kApp: {
      const config::App& app = config.apps[route.app_index];
      return {app_handler(route, loop), "app " + app.name, app.body.count};
    }
    case config::Action::kRedirect: {
      const config::Redirect& redirect = route.redirect;
      return {std::make_unique<content::RedirectHandler>(content::RedirectOptions{
                  .status = static_cast<int>(redirect.status),
                  .location = redirect.url,
                  .prefix = mount_of(route) + "/",
                  .keep_path = redirect.keep_path ? content::KeepPath::kYes : content::KeepPath::kNo,
                  .keep_query = redirect.keep_query ? content::KeepQuery::kYes : content::KeepQuery::kNo}),
              "redirect", body_limit};
    }
    case config::Action::kRespond: {
      content::RespondOptions options;
      options.status = static_cast<int>(route.respond.status);
      options.body = route.respond.text;
      return {std::make_unique<content::RespondHandler>(std::move(options), shared_->pages), "respond",
              body_limit};
    }
  }
  __builtin_unreachable();
}

std::unique_ptr<http::Handler> LoopSite::app_handler(const config::Route& route, loop::Loop& loop) {
  const config::App& app = shared_->config.apps[route.app_index];
  return std::make_unique<gateway::AppHandler>(loop, apps_.application(route.app_index),
                                               app_options(app, route));
}

}  // namespace remuda::cli
