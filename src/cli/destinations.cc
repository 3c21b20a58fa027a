// SPDX-License-Identifier: Apache-2.0
//
// One function for each kind of handler; the order in which they wrap each other stands in
// make_destination().
#include "cli/destinations.h"

#include "cli/app_options.h"
#include "content/file_handler.h"
#include "content/redirect_handler.h"
#include "content/respond_handler.h"
#include "gateway/app_handler.h"
#include "gateway/authorizer.h"
#include "gateway/filter.h"
#include "server/files_first.h"
#include "server/named_files.h"

namespace remuda::cli {

namespace {

using HandlerPointer = std::unique_ptr<http::Handler>;

std::unique_ptr<content::FileHandler> file_handler(const LoopGround& ground,
                                                   const std::shared_ptr<const content::FileSite>& site) {
  return std::make_unique<content::FileHandler>(site, ground.files, ground.offload, ground.shared.pages);
}

HandlerPointer app_handler(const LoopGround& ground, const config::Route& route) {
  const config::App& app = ground.shared.config.apps[route.app_index];
  return std::make_unique<gateway::AppHandler>(ground.loop, ground.apps.application(route.app_index),
                                               app_options(app, route));
}

HandlerPointer redirect_handler(const config::Route& route) {
  const config::Redirect& redirect = route.redirect;
  return std::make_unique<content::RedirectHandler>(content::RedirectOptions{
      .status = static_cast<int>(redirect.status),
      .location = redirect.url,
      .prefix = mount_of(route) + "/",
      .keep_path = redirect.keep_path ? content::KeepPath::kYes : content::KeepPath::kNo,
      .keep_query = redirect.keep_query ? content::KeepQuery::kYes : content::KeepQuery::kNo});
}

HandlerPointer respond_handler(const LoopGround& ground, const config::Route& route) {
  content::RespondOptions options;
  options.status = static_cast<int>(route.respond.status);
  options.body = route.respond.text;
  return std::make_unique<content::RespondHandler>(std::move(options), ground.shared.pages);
}

HandlerPointer action_handler(const LoopGround& ground, size_t index) {
  const config::Route& route = ground.shared.config.routes[index];
  switch (route.action) {
    case config::Action::kFiles: return file_handler(ground, ground.shared.sites[index]);
    case config::Action::kApp:
      if (!route.files_first()) return app_handler(ground, route);
      return std::make_unique<server::FilesFirst>(file_handler(ground, ground.shared.sites[index]),
                                                  app_handler(ground, route),
                                                  script_names(ground.shared.config.apps[route.app_index]));
    case config::Action::kRedirect: return redirect_handler(route);
    case config::Action::kRespond: return respond_handler(ground, route);
  }
  __builtin_unreachable();
}

HandlerPointer filtered(const LoopGround& ground, const config::Route& route, HandlerPointer source) {
  if (!route.filter_index) return source;
  const config::App& app = ground.shared.config.apps[*route.filter_index];
  return std::make_unique<gateway::Filter>(ground.apps.application(*route.filter_index),
                                           app_options(app, route), route.files.root.text, std::move(source));
}

HandlerPointer guarded(const LoopGround& ground, const config::Route& route, HandlerPointer inner) {
  if (!route.authorize_index) return inner;
  const config::App& app = ground.shared.config.apps[*route.authorize_index];
  return std::make_unique<gateway::Authorizer>(ground.apps.application(*route.authorize_index),
                                               app_options(app, route), std::move(inner));
}

// What each of them may name.
std::unique_ptr<server::NamedFiles> named_files(const LoopGround& ground, const config::Route& route) {
  std::vector<server::NamedFiles::Root> roots;
  const auto add = [&](size_t index) {
    const config::App& app = ground.shared.config.apps[index];
    const auto& sites = ground.shared.sendfile_sites[index];
    for (size_t i = 0; i < sites.size(); ++i)
      roots.push_back({app.name, app.sendfile_roots[i].text, file_handler(ground, sites[i])});
  };
  if (route.action == config::Action::kApp) add(route.app_index);
  if (route.filter_index) add(*route.filter_index);
  if (route.authorize_index) add(*route.authorize_index);
  if (roots.empty()) return nullptr;
  return std::make_unique<server::NamedFiles>(std::move(roots));
}

std::string name_of(const config::Config& config, const config::Route& route) {
  switch (route.action) {
    case config::Action::kFiles: return "files " + route.files.root.text;
    case config::Action::kApp: return "app " + config.apps[route.app_index].name;
    case config::Action::kRedirect: return "redirect";
    case config::Action::kRespond: return "respond";
  }
  __builtin_unreachable();
}

}  // namespace

server::Destination make_destination(const LoopGround& ground, size_t index) {
  const config::Config& config = ground.shared.config;
  const config::Route& route = config.routes[index];
  HandlerPointer handler = action_handler(ground, index);
  handler = filtered(ground, route, std::move(handler));
  handler = guarded(ground, route, std::move(handler));
  const bool is_app = route.action == config::Action::kApp;
  const uint64_t body_limit = is_app ? config.apps[route.app_index].body.count : config.limits.body.count;
  return {std::move(handler), name_of(config, route), body_limit, named_files(ground, route)};
}

}  // namespace remuda::cli
