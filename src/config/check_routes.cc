// SPDX-License-Identifier: Apache-2.0
//
// The checks of routes: patterns that can match, exactly one action, options that belong to it, and whether
// an earlier route leaves anything for it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/check.h"
#include "config/pattern.h"
#include "config/suggest.h"
#include "config/value.h"

namespace remuda::config {
namespace {

constexpr std::array<std::string_view, 4> kActions{"app", "files", "redirect", "respond"};

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  static constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOther.contains(c);
  });
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return text;
}

std::string upper_case(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  }
  return text;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// The mistake in a host pattern and its hint; an empty first when there is none.
std::pair<std::string, std::string> host_mistake(std::string_view host) {
  if (host.contains("://") || host.contains('/')) return {"is a URL or a path", "the host's name alone"};
  if (host == "*" || (host.starts_with('[') && host.ends_with(']'))) return {};
  if (host.contains(':')) return {"holds a port", "the port is the listener's; write the name alone"};
  const std::string_view name = host.starts_with("*.") ? host.substr(2) : host;
  if (name.contains('*'))
    return {"has \"*\" in the wrong place", "\"*.example.org\" is every name below example.org"};
  if (!std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return {"is not ASCII", "write the form that begins with \"xn--\""};
  }
  if (name.empty() || !std::ranges::all_of(name, is_host_character))
    return {"is not a host name", "such as \"example.org\""};
  return {};
}

std::pair<std::string, std::string> path_mistake(const std::string& path) {
  const std::string_view pattern = std::string_view(path).substr(path.starts_with('=') ? 1 : 0);
  if (!pattern.starts_with('/') && !pattern.starts_with('*')) {
    return {"does not begin with \"/\"",
            fmt::format("write \"{}/{}\"", path.starts_with('=') ? "=" : "", pattern)};
  }
  if (path.starts_with('=') && pattern.contains('*'))
    return {"is exact and has a \"*\"", "leave out one of them"};
  if (pattern.contains('?') || pattern.contains('#')) {
    return {"holds a query or fragment", "routes go by the path alone"};
  }
  if (pattern.contains('%')) return {"is percent-encoded", "write the decoded path"};
  if (pattern.contains("//")) return {"holds an empty segment", "write one \"/\""};
  const std::string closed = fmt::format("{}/", pattern);
  if (closed.contains("/./") || closed.contains("/../"))
    return {"holds a dot segment", "requests come without them"};
  return {};
}

bool has_method(const Route& route, std::string_view method) {
  const auto& list = route.method;
  if (list.empty() || std::ranges::find(list, method) != list.end()) return true;
  return method == "HEAD" && std::ranges::find(list, "GET") != list.end();
}

bool covers(const Route& earlier, const Route& later) {
  const auto host_is_covered = [&](const std::string& host) {
    return std::ranges::any_of(earlier.host,
                               [&](const std::string& pattern) { return host_covers(pattern, host); });
  };
  const bool hosts =
      earlier.host.empty() ||
      (later.host.empty() ? host_is_covered("*") : std::ranges::all_of(later.host, host_is_covered));
  const bool methods = earlier.method.empty() ||
                       (!later.method.empty() &&
                        std::ranges::all_of(later.method, [&](auto& m) { return has_method(earlier, m); }));
  const bool reached = !earlier.internal || later.internal;
  return reached && hosts && methods && PathPattern(earlier.path).covers(PathPattern(later.path));
}

}  // namespace

void Checker::check_route(size_t index) {
  Route& route = config_.routes[index];
  const std::string name = fmt::format("route[{}]", index);
  check_hosts(route, name);
  check_path(route, name);
  check_methods(route, name);
  check_action(route, name);
  check_helpers(route, name);
  check_belonging(name);
}

void Checker::check_hosts(Route& route, const std::string& name) {
  for (std::string& host : route.host) {
    host = lower_case(host);
    if (host.size() > 1 && host.ends_with('.')) host.pop_back();
    auto [what, hint] = host_mistake(host);
    if (what.empty()) continue;
    error(name + ".host", route.origin, fmt::format("route.host: {} {}", toml_quoted(host), what),
          std::move(hint));
    findings_.spoiled.insert(name);
  }
}

void Checker::check_path(const Route& route, const std::string& name) {
  auto [what, hint] = path_mistake(route.path);
  if (what.empty()) return;
  error(name + ".path", route.origin, fmt::format("route.path: {} {}", toml_quoted(route.path), what),
        std::move(hint));
  findings_.spoiled.insert(name);
}

void Checker::check_methods(const Route& route, const std::string& name) {
  constexpr std::array<std::string_view, 9> kCommon{"GET",     "HEAD",  "POST",    "PUT",  "DELETE",
                                                    "OPTIONS", "PATCH", "CONNECT", "TRACE"};
  for (const std::string& method : route.method) {
    if (!is_token(method)) {
      error(name + ".method", route.origin,
            fmt::format("route.method: {} is not a method", toml_quoted(method)), "such as \"GET\"");
      continue;
    }
    const std::string upper = upper_case(method);
    if (upper == method || std::ranges::find(kCommon, std::string_view(upper)) == kCommon.end()) continue;
    error(name + ".method", route.origin,
          fmt::format("route.method: {} would never match: methods tell case apart", toml_quoted(method)),
          fmt::format("did you mean \"{}\"?", upper));
  }
}

void Checker::check_action(Route& route, const std::string& name) {
  std::vector<std::string_view> said_actions;
  for (const std::string_view action : kActions) {
    if (said(fmt::format("{}.{}", name, action))) said_actions.push_back(action);
  }
  if (said_actions.empty()) {
    if (spoiled(name)) return;
    return error("", route.origin, "route: has no action", "one of " + quoted_list(kActions));
  }
  const bool both = said_actions == std::vector<std::string_view>{"app", "files"};
  if (said_actions.size() > 1 && !both) {
    return error(fmt::format("{}.{}", name, said_actions[1]), route.origin,
                 fmt::format("route: has more than one action: {}", quoted_list(said_actions)),
                 "keep one, and write another [[route]] for the other; app and files may stand together");
  }
  if (said_actions[0] == "files" || both) check_files(route, name);
  if (said_actions[0] == "app") check_app_action(route, name);
  if (both) check_files_first(route, name);
  check_source_is_kept(route, name);
  if (said_actions[0] == "redirect") check_redirect(route, name);
  if (said_actions[0] == "respond") route.action = Action::kRespond;
}

void Checker::check_app_action(Route& route, const std::string& name) {
  route.action = Action::kApp;
  const std::string option = name + ".app";
  const auto index = find_app(option, route.origin, route.app);
  route.app_index = index.value_or(config_.apps.size());
  if (index) check_role(option, route.origin, config_.apps[*index], AppRole::kResponder);
}

// Which files are the application's must be known, or their source would be sent.
void Checker::check_files_first(const Route& route, const std::string& name) {
  for (const std::string_view option : {"fallback", "listing"}) {
    const std::string full = fmt::format("{}.{}", name, option);
    if (!said(full)) continue;
    warn(full, route.origin,
         fmt::format("route.{}: means nothing where an application answers what is no file", option),
         option == "fallback" ? "a script that answers is the application's fallback" : "leave it out");
  }
  if (route.app_index >= config_.apps.size()) return;
  const App& app = config_.apps[route.app_index];
  if (app.root.empty() || !app.scripts.empty() || app.is_loaded()) return;
  const bool knows = app.type != AppType::kCgi;
  error(name + ".files", route.origin,
        fmt::format("route.files: app.{} does not say which files are scripts: the rest of {} would be run",
                    app.name, toml_quoted(app.root.text)),
        knows ? fmt::format("add scripts = [\".php\"] or the like to [app.{}]", app.name)
              : "give its programs a directory and a route of their own");
}

// The applications that stand around the action.
void Checker::check_helpers(Route& route, const std::string& name) {
  const auto find = [&](std::string_view option, const std::string& app,
                        AppRole role) -> std::optional<size_t> {
    if (app.empty()) return std::nullopt;
    const std::string full = fmt::format("{}.{}", name, option);
    const auto index = find_app(full, route.origin, app);
    if (index) check_role(full, route.origin, config_.apps[*index], role);
    return index;
  };
  route.authorize_index = find("authorize", route.authorize, AppRole::kAuthorizer);
  route.filter_index = find("filter", route.filter, AppRole::kFilter);
  if (route.filter_index && route.files_first()) {
    error(name + ".filter", route.origin,
          "route.filter: filters files, and here an application answers as well",
          "give the files that are filtered a route of their own");
  }
}

std::optional<size_t> Checker::find_app(const std::string& option, const Origin& fallback,
                                        const std::string& app) {
  const auto found = std::ranges::find(config_.apps, app, &App::name);
  if (found != config_.apps.end()) return static_cast<size_t>(found - config_.apps.begin());
  if (app.empty()) return std::nullopt;
  std::vector<std::string_view> names;
  for (const App& other : config_.apps) names.push_back(other.name);
  const std::string_view near = nearest(app, names);
  error(option, fallback, fmt::format("{}: there is no application {}", shown_name(option), toml_quoted(app)),
        near.empty() ? fmt::format("add [app.{}]", app) : fmt::format("did you mean \"{}\"?", near));
  return std::nullopt;
}

void Checker::check_role(const std::string& option, const Origin& fallback, const App& app, AppRole role) {
  if (app.role == role) return;
  const auto word = [](AppRole of) {
    return find_option(table_named("app"), "role")->words[static_cast<size_t>(of)];
  };
  const std::string_view its_place = app.role == AppRole::kAuthorizer ? "authorize"
                                     : app.role == AppRole::kFilter   ? "filter"
                                                                      : "app";
  error(option, fallback,
        fmt::format("{}: app.{} has role \"{}\", not \"{}\"", shown_name(option), app.name, word(app.role),
                    word(role)),
        fmt::format("{} = \"{}\" here, or role = \"{}\" in [app.{}]", its_place, app.name, word(role),
                    app.name));
}

// An option of another action would silently do nothing.
void Checker::check_belonging(const std::string& name) {
  for (const Option& option : table_named("route").options) {
    if (option.only_with.empty() || spoiled(name)) continue;
    const std::string full = fmt::format("{}.{}", name, option.name);
    if (!said(full) || said(fmt::format("{}.{}", name, option.only_with))) continue;
    error(full, {},
          fmt::format("route.{}: means nothing in a route without {}", option.name, option.only_with),
          "leave it out");
  }
}

void Checker::check_files(Route& route, const std::string& name) {
  route.action = Action::kFiles;
  const Files& files = route.files;
  check_directory(name + ".files", "route.files", route.origin, files.root, config_.server.identity,
                  config_.server.user);
  for (const std::string& index : files.index) {
    if (!index.contains('/')) continue;
    error(name + ".index", route.origin, fmt::format("route.index: {} holds a \"/\"", toml_quoted(index)),
          "a name in the directory itself");
  }
  if (!files.fallback.empty() && !files.fallback.starts_with('/')) {
    error(name + ".fallback", route.origin,
          fmt::format("route.fallback: {} does not begin with \"/\"", toml_quoted(files.fallback)),
          fmt::format("write \"/{}\": it is below the route's directory", files.fallback));
  }
  if (!std::ranges::all_of(files.cache_control, [](char c) { return c >= 0x20 && c < 0x7f; })) {
    error(name + ".cache_control", route.origin, "route.cache_control: is not ASCII",
          "such as \"max-age=3600\"");
  }
}

void Checker::check_redirect(Route& route, const std::string& name) {
  route.action = Action::kRedirect;
  const std::string& url = route.redirect.url;
  if (url.empty()) return;
  if (!is_visible_ascii(url)) {
    return error(name + ".redirect", route.origin,
                 fmt::format("route.redirect: {} is not a URL", toml_quoted(url)),
                 "percent-encode spaces and letters that are not ASCII");
  }
  if (url.starts_with('/') || url.contains("://")) return;
  error(name + ".redirect", route.origin,
        fmt::format("route.redirect: {} is not a URL or absolute path", toml_quoted(url)),
        fmt::format("write \"https://{0}\" or \"/{0}\"", url));
}

void Checker::check_reachable(size_t index) {
  const std::string name = fmt::format("route[{}]", index);
  if (spoiled(name)) return;
  for (size_t before = 0; before < index; ++before) {
    if (spoiled(fmt::format("route[{}]", before))) continue;
    if (!covers(config_.routes[before], config_.routes[index])) continue;
    return error("", config_.routes[index].origin,
                 fmt::format("route: is never reached: the route at {} matches everything that it would",
                             to_string(config_.routes[before].origin)),
                 "put it before that one");
  }
}

}  // namespace remuda::config
