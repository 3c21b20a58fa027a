// SPDX-License-Identifier: Apache-2.0
//
// One function for each floor that has options of its own.
#include "cli/plan.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>

#include "cli/app_commands.h"
#include "cli/app_options.h"
#include "cli/confinement.h"
#include "cli/loop_site.h"
#include "config/value.h"

namespace remuda::cli {

namespace {

// From so many connections in each loop on, one loop is woken for a new one instead of all: with few, the one
// that is woken may have no room left.
constexpr uint32_t kWakeOneFrom = 256;
constexpr uint64_t kDescriptorsBesideConnections = 256;

http::h1::Options http_options(const config::Config& config) {
  const config::Limits& limits = config.limits;
  const config::Timeouts& timeouts = config.timeouts;
  http::h1::Options options;
  options.head.request_line = limits.request_line.count;
  options.head.fields.total = limits.fields_total.count;
  options.head.fields.line = limits.fields_total.count;
  options.head.fields.count = limits.fields_count;
  options.body_bytes = limits.body.count;
  options.first_byte = timeouts.first_byte;
  options.head_time = timeouts.head;
  options.body_time = timeouts.body;
  options.response_time = timeouts.response;
  options.idle = timeouts.idle;
  options.linger = timeouts.linger;
  options.body_rate = limits.body_rate.count;
  options.response_rate = limits.response_rate.count;
  options.rate_grace = limits.rate_grace;
  return options;
}

uint32_t connections_of_a_loop(const config::Workers& workers, uint32_t threads, uint64_t open_files) {
  const uint64_t room = open_files > 2 * kDescriptorsBesideConnections
                            ? (open_files - kDescriptorsBesideConnections) / threads
                            : open_files / 2 / threads;
  return static_cast<uint32_t>(std::clamp<uint64_t>(workers.connections, 1, std::max<uint64_t>(1, room)));
}

std::vector<gid_t> supplementary_groups(const std::string& user, gid_t group) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  if (user.empty() || ::getgrouplist(user.c_str(), group, groups.data(), &count) < 0) return {group};
  groups.resize(static_cast<size_t>(count));
  return groups;
}

// An application's own user, else the workers', else whoever started the server.
std::optional<spawner::Identity> identity_of(const config::App& app, const config::Server& server) {
  const auto& identity = app.identity ? app.identity : server.identity;
  if (!identity) return std::nullopt;
  const std::string& user = app.identity ? app.user : server.user;
  return spawner::Identity{.user = identity->user,
                           .group = identity->group,
                           .supplementary = supplementary_groups(user, identity->group)};
}

spawner::ResourceLimits limits_of(const config::ProcessLimits& limits) {
  const auto unless_zero = [](uint64_t value) {
    return value == 0 ? std::nullopt : std::optional<uint64_t>(value);
  };
  const auto cpu_time = std::chrono::ceil<std::chrono::seconds>(limits.cpu_time);
  return {.open_files = unless_zero(limits.open_files),
          .address_space = unless_zero(limits.address_space.count),
          .cpu_seconds = unless_zero(static_cast<uint64_t>(cpu_time.count())),
          .processes = unless_zero(limits.processes),
          .file_size = unless_zero(limits.file_size.count),
          .core_size = limits.core_dumps ? std::nullopt : std::optional<uint64_t>(0)};
}

}  // namespace

server::WorkerPlan worker_plan(const std::shared_ptr<SharedParts>& shared, uint64_t open_files) {
  const config::Config& config = shared->config;
  const bool one_connection = config.workers.start == config::Start::kPerConnection;
  server::WorkerPlan plan;
  plan.threads = one_connection ? 1 : config.workers.effective_threads();
  plan.offload_threads = one_connection ? 0 : std::clamp(plan.threads, 2U, 8U);
  plan.loop.connections =
      one_connection ? 1 : connections_of_a_loop(config.workers, plan.threads, open_files);
  plan.loop.wake_up = plan.loop.connections >= kWakeOneFrom ? loop::WakeUp::kOne : loop::WakeUp::kAll;
  plan.loop.http = http_options(config);
  plan.grace = config.server.grace;
  plan.identity = config.server.identity;
  plan.user_name = config.server.user;
  // A process for one connection has nobody to keep waiting, and a thread and its queue would be half of its
  // cost.
  plan.error_log =
      error_log_options(config.log, "worker",
                        one_connection ? base::LogDelivery::kSynchronous : base::LogDelivery::kAsynchronous);
  if (config.log.access.kind != config::LogTarget::Kind::kOff) {
    plan.access_log.emplace().to = to_string(config.log.access);
  }
  plan.make_site = [shared](server::SiteParts parts) {
    return std::make_unique<LoopSite>(shared, std::move(parts));
  };
  return plan;
}

namespace {

std::string directory_of(const std::string& file) {
  return file.substr(0, std::max<size_t>(file.rfind('/'), 1));
}

}  // namespace

std::vector<spawner::AppRules> spawner_rules(const config::Config& config) {
  const auto starts_nothing = [](const config::App& app) { return app.model == config::AppModel::kRemote; };
  if (std::ranges::all_of(config.apps, starts_nothing)) return {};
  std::vector<spawner::AppRules> rules;
  for (const config::App& app : config.apps) {
    spawner::AppRules rule;
    rule.name = app.name;
    Command command = command_of(config, app);
    rule.program = std::move(command.program);
    rule.arguments = std::move(command.arguments);
    rule.directory = app.is_loaded() ? app.root.text : app.directory.text;
    rule.identity = identity_of(app, config.server);
    rule.environment = environment_of(config, app);
    rule.limits = limits_of(app.process_limits);
    rule.umask = config::octal_rights(app.umask).value_or(rule.umask);
    rule.niceness = static_cast<int>(app.nice);
    rule.privileges = privileges_of(app);
    rule.scheduling = app.scheduling == config::Scheduling::kBatch ? spawner::Scheduling::kBatch
                                                                   : spawner::Scheduling::kNormal;
    if (app.model == config::AppModel::kPool) {
      rule.outlives = spawner::Outlives::kWorker;
    } else if (!app.is_preloaded()) {
      rule.root = app.root.text;
    }
    if (rule.directory.empty() && rule.root.empty()) rule.directory = app.root.text;
    if (rule.directory.empty() && app.is_node_script()) rule.directory = directory_of(app.program.text);
    rule.template_rules = template_rules(config, app);
    rule.confinement = confinement_rules(config, app);
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<std::string> log_files(const config::Log& log) {
  std::vector<std::string> paths;
  for (const config::LogTarget* target : {&log.access, &log.error}) {
    if (target->kind == config::LogTarget::Kind::kFile) paths.push_back(target->path);
  }
  return paths;
}

base::LogOptions error_log_options(const config::Log& log, const char* process, base::LogDelivery delivery) {
  base::LogOptions options;
  options.to = to_string(log.error);
  options.process = process;
  options.level = static_cast<base::LogLevel>(log.level);
  options.delivery = delivery;
  return options;
}

}  // namespace remuda::cli
