// SPDX-License-Identifier: Apache-2.0
//
// `remuda explain URL`: every rule with its verdict, the winner, and everything that would apply to the
// request. The path is decoded and the route found by the code that the server uses; nothing is sent and
// nothing is started.
#include <fmt/format.h>

#include "cli/asked_url.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/explain_lines.h"
#include "server/router.h"

namespace remuda::cli {
namespace {

using config::Action;
using config::Config;

std::string_view verdict_text(server::RouteVerdict verdict) {
  switch (verdict) {
    case server::RouteVerdict::kMatched: return "matches";
    case server::RouteVerdict::kOtherHost: return "another host";
    case server::RouteVerdict::kOtherPath: return "another path";
    case server::RouteVerdict::kOtherMethod: return "another method";
    case server::RouteVerdict::kInternalOnly: return "internal redirects only: 404";
    case server::RouteVerdict::kNotTried: break;
  }
  return "not tried";
}

std::string rules_text(const Config& config, const std::vector<server::RouteVerdict>& verdicts) {
  size_t place_width = 0;
  size_t match_width = 0;
  for (const config::Route& route : config.routes) {
    place_width = std::max(place_width, to_string(route.origin).size());
    match_width = std::max(match_width, describe_match(route).size());
  }
  std::string text = "rules, first match wins\n";
  for (size_t i = 0; i < config.routes.size(); ++i) {
    const config::Route& route = config.routes[i];
    const bool won = verdicts[i] == server::RouteVerdict::kMatched;
    text += fmt::format("{} {:<{}}  {:<{}}  {}\n", won ? "->" : "  ", to_string(route.origin), place_width,
                        describe_match(route), match_width, verdict_text(verdicts[i]));
  }
  return text;
}

std::string user_text(const Config& config, const config::App& app) {
  if (!app.user.empty()) return app.user;
  return config.server.user.empty() ? "whoever starts the server" : config.server.user;
}

void add_app(std::string& text, const Config& config, const config::Route& route, const AskedUrl& target,
             size_t mount) {
  const config::App& app = config.apps[route.app_index];
  add_line(text, "application", app.name, to_string(app.origin));
  add_options(text, config, "app", route.app_index, {"type", "model"});
  if (app.program.empty()) {
    add_line(text, "programs in", app.root.text);
    add_line(text, "program and PATH_INFO", target.path.substr(mount));
  } else {
    add_line(text, "program", app.program.text);
    add_line(text, "SCRIPT_NAME", fmt::format("\"{}\"", target.path.substr(0, mount)));
    add_line(text, "PATH_INFO", fmt::format("\"{}\"", target.path.substr(mount)));
  }
  add_line(text, "user", user_text(config, app));
  add_options(
      text, config, "app", route.app_index,
      {"time_limit", "concurrency", "queue", "queue_time", "body", "spool_above", "pass_authorization"});
}

void add_files(std::string& text, const Config& config, size_t index, const AskedUrl& target, size_t mount) {
  const config::Route& route = config.routes[index];
  add_line(text, "file", route.files.root.text + target.path.substr(mount));
  add_line(text, "user", config.server.user.empty() ? "whoever starts the server" : config.server.user);
  add_options(text, config, "route", index,
              {"index", "listing", "fallback", "cache_control", "dotfiles", "precompressed"});
}

std::string result_text(const Config& config, const server::RouteMatch& match, const AskedUrl& target,
                        const std::string& method) {
  const config::Route& route = config.routes[match.route];
  std::string text = fmt::format("\nanswered by {}\n", describe_action(config, route));
  add_line(text, "route", fmt::format("\"{}\"", describe_match(route)), to_string(route.origin));
  const bool app = route.action == Action::kApp;
  if (target.encoded_slash &&
      (route.action == Action::kFiles || (app && !config.apps[route.app_index].allow_encoded_slash))) {
    add_line(text, "encoded slash", "refused: the path holds %2F");
  }
  if (route.action == Action::kFiles && method != "GET" && method != "HEAD" && method != "OPTIONS") {
    add_line(text, "method", fmt::format("refused: 405, files do not take {}", method));
  }
  if (app) add_app(text, config, route, target, match.mount);
  if (route.action == Action::kFiles) add_files(text, config, match.route, target, match.mount);
  if (route.action == Action::kRedirect)
    add_options(text, config, "route", match.route, {"redirect", "status", "keep_path", "keep_query"});
  if (route.action == Action::kRespond) add_options(text, config, "route", match.route, {"respond", "text"});
  return text;
}

std::string bounds_text(const Config& config) {
  std::string text = "\nlimits\n";
  add_options(
      text, config, "limits", 0,
      {"request_line", "fields_total", "fields_count", "body", "body_rate", "response_rate", "rate_grace"});
  text += "\ntimeouts\n";
  add_options(text, config, "timeouts", 0, {"first_byte", "head", "body", "response", "idle", "linger"});
  return text;
}

std::string explanation(const Config& config, const AskedUrl& target, const std::string& method) {
  if (method == "TRACE" || method == "CONNECT")
    return "answered with 405: this server neither traces nor tunnels\n";
  const server::Router router(config.routes);
  const server::RouteMatch match = router.match(target.host, target.path, method);
  std::string text = fmt::format("{} {} on host {}\n\n", method, target.path, target.host);
  text += rules_text(config, router.trace(target.host, target.path, method));
  switch (match.kind) {
    case server::RouteMatch::Kind::kRoute: text += result_text(config, match, target, method); break;
    case server::RouteMatch::Kind::kNotFound: text += "\nanswered with 404: no rule matches\n"; break;
    case server::RouteMatch::Kind::kMethodNotAllowed:
      text += fmt::format("\nanswered with 405: no rule takes the method\n   {:<22} {}\n", "Allow",
                          router.allowed_methods(target.host, target.path));
      break;
  }
  return text + bounds_text(config);
}

}  // namespace

int explain_command(const Source& source, const ExplainRequest& request, const Terminal& terminal) {
  const auto config = load(source);
  if (!config) {
    terminal.report(config.error());
    return kFailure;
  }
  const auto target = parse_asked_url(request.url, *config);
  if (!target) {
    terminal.complain(fmt::format("remuda explain: {}", target.error()));
    return kFailure;
  }
  terminal.print(explanation(*config, *target, request.method));
  return kSuccess;
}

}  // namespace remuda::cli
