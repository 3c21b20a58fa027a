// SPDX-License-Identifier: Apache-2.0
//
// The matching of routes. Linear: a handful of rules of which most requests need the first ones; the path
// goes first, because it tells most rules apart.
#include "server/router.h"

#include <algorithm>

namespace remuda::server {
namespace {

std::vector<std::string> with_head(std::vector<std::string> methods) {
  const bool has_get = std::ranges::find(methods, "GET") != methods.end();
  const bool has_head = std::ranges::find(methods, "HEAD") != methods.end();
  if (has_get && !has_head) methods.emplace_back("HEAD");
  return methods;
}

bool any_host_matches(const std::vector<std::string>& patterns, std::string_view name) {
  return patterns.empty() || std::ranges::any_of(patterns, [name](const std::string& pattern) {
           return config::host_matches(pattern, name);
         });
}

}  // namespace

Router::Router(const std::vector<config::Route>& routes) {
  rules_.reserve(routes.size());
  for (const config::Route& route : routes) {
    rules_.push_back({config::PathPattern(route.path), route.host, with_head(route.method), route.internal});
  }
}

Router::Trial Router::attempt(const Rule& rule, std::string_view name, std::string_view path,
                              std::string_view method, Asked asked) {
  const auto mount = rule.path.match(path);
  if (!mount) return {RouteVerdict::kOtherPath, 0};
  if (!any_host_matches(rule.hosts, name)) return {RouteVerdict::kOtherHost, 0};
  if (rule.internal && asked == Asked::kFromOutside) return {RouteVerdict::kInternalOnly, 0};
  const bool allowed = rule.methods.empty() || std::ranges::find(rule.methods, method) != rule.methods.end();
  return {allowed ? RouteVerdict::kMatched : RouteVerdict::kOtherMethod, *mount};
}

RouteMatch Router::match(std::string_view host, std::string_view path, std::string_view method,
                         Asked asked) const {
  const std::string_view name = config::host_name(host);
  RouteMatch result;
  for (size_t i = 0; i < rules_.size(); ++i) {
    const Trial trial = attempt(rules_[i], name, path, method, asked);
    if (trial.verdict == RouteVerdict::kInternalOnly) return {};
    if (trial.verdict == RouteVerdict::kMatched) return {RouteMatch::Kind::kRoute, i, trial.mount};
    if (trial.verdict == RouteVerdict::kOtherMethod) result.kind = RouteMatch::Kind::kMethodNotAllowed;
  }
  return result;
}

std::string Router::allowed_methods(std::string_view host, std::string_view path) const {
  const std::string_view name = config::host_name(host);
  std::vector<std::string_view> methods;
  for (const Rule& rule : rules_) {
    // No method is the empty text, so only rules for any method could match it; those are no reason for a
    // 405.
    if (attempt(rule, name, path, {}, Asked::kFromOutside).verdict != RouteVerdict::kOtherMethod) continue;
    methods.insert(methods.end(), rule.methods.begin(), rule.methods.end());
  }
  std::ranges::sort(methods);
  const auto repeated = std::ranges::unique(methods);
  methods.erase(repeated.begin(), repeated.end());
  std::string text;
  for (const std::string_view method : methods) text.append(text.empty() ? "" : ", ").append(method);
  return text;
}

std::vector<RouteVerdict> Router::trace(std::string_view host, std::string_view path,
                                        std::string_view method) const {
  const std::string_view name = config::host_name(host);
  std::vector<RouteVerdict> verdicts(rules_.size(), RouteVerdict::kNotTried);
  for (size_t i = 0; i < rules_.size(); ++i) {
    verdicts[i] = attempt(rules_[i], name, path, method, Asked::kFromOutside).verdict;
    if (verdicts[i] == RouteVerdict::kMatched || verdicts[i] == RouteVerdict::kInternalOnly) break;
  }
  return verdicts;
}

}  // namespace remuda::server
