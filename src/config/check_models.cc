// SPDX-License-Identifier: Apache-2.0
//
// Whether the options of one application fit together: scripts, time limits, how many instances, which peers.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/check.h"
#include "config/quantity.h"
#include "config/value.h"

namespace remuda::config {
namespace {

// RFC 6265 section 4.1.1: a cookie's name is a token.
bool is_cookie_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c > 0x20 && c < 0x7f && !std::string_view("()<>@,;:\\\"/[]?={}").contains(c);
  });
}

}  // namespace

void Checker::check_scripts(const App& app, const std::string& name) {
  for (const std::string& suffix : app.scripts) {
    if (suffix.starts_with('.') && !suffix.contains('/')) continue;
    error(name + ".scripts", app.origin,
          fmt::format("{}.scripts: {} is not a suffix", name, toml_quoted(suffix)), "such as \".php\"");
  }
  for (const std::string& index : app.index) {
    if (!index.contains('/')) continue;
    error(name + ".index", app.origin, fmt::format("{}.index: {} holds a \"/\"", name, toml_quoted(index)),
          "a name in the directory itself");
  }
  if (!app.fallback.empty() && !app.fallback.starts_with('/')) {
    error(name + ".fallback", app.origin,
          fmt::format("{}.fallback: {} does not begin with \"/\"", name, toml_quoted(app.fallback)),
          fmt::format("write \"/{}\": it is below root", app.fallback));
  }
  for (const std::string_view option : {"scripts", "index", "fallback"}) {
    const std::string full = fmt::format("{}.{}", name, option);
    if (!app.root.empty() || !said(full) || app.type == AppType::kCgi) continue;
    warn(full, app.origin, full + ": means nothing without root", "root = \"DIRECTORY\" of the scripts");
  }
}

void Checker::check_limits(const App& app, const std::string& name) {
  for (const auto& [option, value] : {std::pair("first_byte_timeout", app.first_byte_timeout),
                                      std::pair("read_timeout", app.read_timeout)}) {
    const std::string full = fmt::format("{}.{}", name, option);
    if (!said(full) || app.time_limit == Duration{} || value <= app.time_limit) continue;
    warn(full, app.origin, full + ": is never reached, because time_limit is sooner",
         fmt::format("time_limit = \"{}\" or more", format_duration(value)));
  }
  if (!app.sticky_cookie.empty() && !is_cookie_name(app.sticky_cookie)) {
    error(name + ".sticky_cookie", app.origin,
          fmt::format("{}.sticky_cookie: {} is not a cookie's name", name, toml_quoted(app.sticky_cookie)),
          "such as \"session\"");
  }
  const Health& health = app.health;
  if (!health.path.empty() && !health.path.starts_with('/')) {
    error(name + ".health.path", app.origin,
          fmt::format("{}.health.path: {} does not begin with \"/\"", name, toml_quoted(health.path)),
          fmt::format("write \"/{}\"", health.path));
  }
  if (health.status != 0 && (health.status < 200 || health.path.empty())) {
    const bool lone = health.path.empty();
    error(name + ".health.status", app.origin,
          fmt::format("{}.health.status: {}", name,
                      lone ? "nobody answers with a status unless something is asked"
                           : fmt::format("{} is not the status of an answer", health.status)),
          lone ? "add path = \"/health\" to it" : "from 200 to 599");
  }
  if (health.back_off > health.back_off_most) {
    error(said(name + ".health.back_off") ? name + ".health.back_off" : name + ".health.back_off_most",
          app.origin,
          fmt::format("{}.health.back_off: \"{}\" is more than back_off_most, \"{}\"", name,
                      format_duration(health.back_off), format_duration(health.back_off_most)),
          "the first wait is the shortest");
  }
}

void Checker::check_instances(const App& app, const std::string& name) {
  const Instances& instances = app.instances;
  const std::string max = name + ".instances.max";
  for (const auto& [option, value] : {std::pair("min", instances.min), std::pair("spare", instances.spare),
                                      std::pair("guaranteed", instances.guaranteed)}) {
    if (instances.max == 0 || value <= instances.max) continue;
    const std::string full = fmt::format("{}.instances.{}", name, option);
    error(full, app.origin, fmt::format("{}: {} is more than max, {}", full, value, instances.max),
          fmt::format("max = {}, or \"auto\"", value));
  }
  const uint64_t soft = instances.memory_soft.count;
  const uint64_t hard = instances.memory_hard.count;
  if (hard != 0 && soft > hard) {
    error(name + ".instances.memory_soft", app.origin,
          fmt::format("{}.instances.memory_soft: \"{}\" is more than memory_hard, \"{}\"", name,
                      format_size(instances.memory_soft), format_size(instances.memory_hard)),
          "an instance is replaced at the soft limit and killed at the hard one");
  }
  const Workers& workers = config_.workers;
  if (workers.start == Start::kAhead && instances.max != 0 && instances.max < workers.processes) {
    warn(max, app.origin,
         fmt::format("{}: {} cannot be shared by {} worker processes: each has one at least", max,
                     instances.max, workers.processes),
         fmt::format("max = {} or more, or fewer workers.processes", workers.processes));
  }
}

void Checker::check_farm(const App& app, const std::string& name) {
  if (said(name + ".hash_key") && app.balance != Balance::kHash) {
    warn(name + ".hash_key", app.origin,
         fmt::format("{}.hash_key: means nothing without balance = \"hash\"", name),
         "add balance = \"hash\", or leave it out");
  }
  if (!app.sticky_cookie.empty() && app.balance == Balance::kRoundRobin) {
    warn(name + ".sticky_cookie", app.origin,
         fmt::format("{}.sticky_cookie: means nothing with balance = \"round-robin\"", name),
         "leave balance out, or sticky_cookie");
  }
  constexpr std::string_view kCookie = "cookie:";
  const std::string_view key = app.hash_key;
  const bool good = key.empty() || key == "path" || key == "client" ||
                    (key.starts_with(kCookie) && is_cookie_name(key.substr(kCookie.size())));
  if (!good) {
    error(name + ".hash_key", app.origin, fmt::format("{}.hash_key: {} is not known", name, toml_quoted(key)),
          "\"path\", \"client\" or \"cookie:NAME\"");
  }
}

// One budget over all applications of model pool, shared out among the worker processes. Each application
// holds one instance at least where it is asked for: one that finds no room would wait for ever.
void Checker::check_pool() {
  const uint64_t budget = config_.pool.instances;
  if (budget == 0) return;
  const Workers& workers = config_.workers;
  const uint64_t processes = workers.start == Start::kAhead ? std::max<uint64_t>(workers.processes, 1) : 1;
  uint64_t needed = 0;
  for (const App& app : config_.apps) {
    if (app.model != AppModel::kPool) continue;
    const uint64_t held = std::max(app.instances.guaranteed, app.instances.min);
    needed += std::max<uint64_t>(held / processes, 1);
  }
  const uint64_t each = std::max<uint64_t>(budget / processes, 1);
  if (needed <= each) return;
  const std::string where = processes == 1 ? "" : fmt::format(" in each of {} worker processes", processes);
  error("pool.instances", {},
        fmt::format("pool.instances: {}{} is less than the {} that the applications hold{}: what is "
                    "guaranteed, min, or one each",
                    budget, processes == 1 ? "" : fmt::format(", {}{},", each, where), needed,
                    processes == 1 ? "" : " there"),
        fmt::format("pool.instances = {} or more, or guarantee less", needed * processes));
}

}  // namespace remuda::config
