// SPDX-License-Identifier: Apache-2.0
//
// The router decides, for both ways of asking.
#include "cli/advise/question.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/asked_url.h"
#include "cli/describe.h"
#include "server/router.h"

namespace remuda::cli::advise {
namespace {

using config::Config;
using config::Route;

bool is_url(const std::string& text) { return text.starts_with('/') || text.contains("://"); }

std::expected<Question, std::string> by_url(const Config& config, const std::string& url) {
  const auto asked = parse_asked_url(url, config);
  if (!asked) return std::unexpected(asked.error());
  const server::RouteMatch match = server::Router(config.routes).match(asked->host, asked->path, "GET");
  if (match.kind != server::RouteMatch::Kind::kRoute)
    return std::unexpected(fmt::format("no route answers GET {}; remuda explain says why", asked->path));
  const Route& route = config.routes[match.route];
  if (route.action != config::Action::kApp) {
    return std::unexpected(fmt::format("no application answers {}: {}, by the route at {}", asked->path,
                                       describe_action(config, route), to_string(route.origin)));
  }
  return Question{route.app_index, asked->host, asked->target};
}

// A URL that the route takes; nothing for a pattern, which many would fit.
std::string url_of(const Route& route, const std::string& path) {
  std::string host = route.host.empty() ? "" : route.host.front();
  if (host.starts_with('*')) host.replace(0, 1, "any");
  std::string taken = path.empty() ? route.path.substr(route.path.starts_with('=') ? 1 : 0) : path;
  if (path.empty() && taken.contains('*')) return {};
  return host.empty() ? taken : fmt::format("http://{}{}", host, taken);
}

std::expected<Question, std::string> by_name(const Config& config, const std::string& name,
                                             const std::string& path) {
  const auto app = std::ranges::find(config.apps, name, &config::App::name);
  if (app == config.apps.end()) return std::unexpected(no_such_app(config, name));
  const auto route = std::ranges::find_if(config.routes, [&](const Route& each) {
    return each.action == config::Action::kApp && each.app == name && !each.internal;
  });
  if (route == config.routes.end())
    return std::unexpected(fmt::format("no route leads to application {}", name));
  if (!path.empty() && !path.starts_with('/'))
    return std::unexpected(fmt::format("--path {}: a path begins with \"/\"", path));
  const std::string url = url_of(*route, path);
  const auto question = url.empty() ? std::unexpected(std::string()) : by_url(config, url);
  if (question && config.apps[question->app].name == name) return question;
  return std::unexpected(
      fmt::format("{} does not lead to application {} by GET; say one that does, with --path",
                  url.empty() ? "the pattern of its route" : url, name));
}

}  // namespace

std::expected<Question, std::string> find_question(const Config& config, const std::string& asked,
                                                   const std::string& path) {
  if (!is_url(asked)) return by_name(config, asked, path);
  if (path.empty()) return by_url(config, asked);
  return std::unexpected("--path belongs to the name of an application, a URL has its own");
}

}  // namespace remuda::cli::advise
