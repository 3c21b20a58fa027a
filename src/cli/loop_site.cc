// SPDX-License-Identifier: Apache-2.0
//
// One function for each kind of destination.
#include "cli/loop_site.h"

#include <fmt/format.h>

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

gateway::AppOptions app_options(const config::App& app, const config::Route& route) {
  gateway::AppOptions options;
  options.name = app.name;
  options.mount = mount_of(route);
  options.root = app.root.text;
  options.program = app.program.text;
  options.encoded_slash =
      app.allow_encoded_slash ? gateway::EncodedSlash::kAllow : gateway::EncodedSlash::kRefuse;
  options.authorization =
      app.pass_authorization ? gateway::Authorization::kPass : gateway::Authorization::kKeep;
  options.non_parsed_headers =
      app.non_parsed_headers ? gateway::NonParsedHeaders::kAllow : gateway::NonParsedHeaders::kRefuse;
  options.time_limit = app.time_limit;
  options.exit_grace = app.exit_grace;
  options.head_limit = app.head_limit.count;
  options.body_limit = app.body.count;
  options.spool_above = app.spool_above.count;
  options.spool_directory = app.spool_directory.text;
  options.errors_limit = app.errors_limit.count;
  return options;
}

}  // namespace

LoopSite::LoopSite(std::shared_ptr<SharedParts> shared, server::SiteParts parts)
    : shared_(std::move(shared)),
      log_(parts.log),
      files_(parts.loop, cache_limits(shared_->config.limits)),
      app_log_(parts.log) {
  if (parts.access != nullptr) access_.emplace(parts.loop, *parts.access, shared_->config.log.access_format);
  if (parts.spawner_channel) {
    spawner_ = std::make_unique<apps::SpawnerClient>(parts.loop, std::move(parts.spawner_channel));
    for (const auto& app : shared_->exec_apps) {
      sources_.push_back(std::make_unique<apps::ExecSource>(*spawner_, *app));
    }
  }
  std::vector<server::Destination> destinations;
  destinations.reserve(shared_->config.routes.size());
  for (size_t i = 0; i < shared_->config.routes.size(); ++i) {
    destinations.push_back(destination(i, parts.loop, parts.offload));
  }
  steps_ = std::make_unique<server::RequestSteps>(shared_->router, std::move(destinations), shared_->pages,
                                                  parts.gate, parts.log, access_ ? &*access_ : nullptr,
                                                  parts.first_request_id);
}

void LoopSite::start(loop::Scope& scope) {
  if (spawner_) scope.spawn(spawner_->run());
}

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
      return {app_handler(route, loop, offload), "app " + app.name, app.body.count};
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

std::unique_ptr<http::Handler> LoopSite::app_handler(const config::Route& route, loop::Loop& loop,
                                                     loop::Offload& offload) {
  const config::App& app = shared_->config.apps[route.app_index];
  return std::make_unique<gateway::AppHandler>(loop, *sources_[route.app_index], offload, app_log_,
                                               app_options(app, route));
}

}  // namespace remuda::cli
