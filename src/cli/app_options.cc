// SPDX-License-Identifier: Apache-2.0
//
// One function for each floor.
#include "cli/app_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/app_commands.h"
#include "config/option.h"
#include "config/pattern.h"

namespace remuda::cli {

namespace {

// An instance that is replaced may finish what it works on.
constexpr std::chrono::seconds kBeyondTimeLimit{10};
// The same, where no time limit says how long a request may take.
constexpr config::Duration kUnlimitedDrains = std::chrono::minutes(2);
constexpr std::string_view kCookieKey = "cookie:";

// Limits of an application hold for the whole server: worker processes share them out.
uint32_t processes_of(const config::Workers& workers) {
  return workers.start == config::Start::kAhead ? std::max<uint32_t>(workers.processes, 1) : 1;
}

uint32_t share(uint32_t whole, uint32_t processes) {
  return whole == 0 ? 0 : std::max<uint32_t>(1, whole / processes);
}

gateway::ClientGone to_gateway(config::OnClientGone what) {
  return what == config::OnClientGone::kAbort ? gateway::ClientGone::kAbort : gateway::ClientGone::kFinish;
}

gateway::Multiplex to_gateway(config::Multiplex multiplex) {
  switch (multiplex) {
    case config::Multiplex::kAuto: return gateway::Multiplex::kAuto;
    case config::Multiplex::kOn: return gateway::Multiplex::kOn;
    case config::Multiplex::kOff: return gateway::Multiplex::kOff;
  }
  return gateway::Multiplex::kAuto;
}

gateway::wire::Forwarded to_gateway(config::Forwarded forwarded) {
  switch (forwarded) {
    case config::Forwarded::kReplace: return gateway::wire::Forwarded::kReplace;
    case config::Forwarded::kAppend: return gateway::wire::Forwarded::kAppend;
    case config::Forwarded::kPass: return gateway::wire::Forwarded::kPass;
  }
  return gateway::wire::Forwarded::kReplace;
}

apps::pool::ListensAt to_apps(config::Listen listen) {
  switch (listen) {
    case config::Listen::kDescriptor: return apps::pool::ListensAt::kDescriptor;
    case config::Listen::kPort: return apps::pool::ListensAt::kPort;
    case config::Listen::kSocket: return apps::pool::ListensAt::kSocket;
  }
  return apps::pool::ListensAt::kDescriptor;
}

apps::remote::Policy to_apps(config::Balance balance) {
  switch (balance) {
    case config::Balance::kLeastConnections: return apps::remote::Policy::kLeastConnections;
    case config::Balance::kRoundRobin: return apps::remote::Policy::kRoundRobin;
    case config::Balance::kHash: return apps::remote::Policy::kHash;
  }
  return apps::remote::Policy::kLeastConnections;
}

std::string word(std::string_view option, unsigned value) {
  return std::string(config::find_option(config::table_named("app"), option)->words[value]);
}
std::string type_of(const config::App& app) { return word("type", static_cast<unsigned>(app.type)); }
std::string model_of(const config::App& app) { return word("model", static_cast<unsigned>(app.model)); }

// What journeys call the program.
std::string shown_program(const config::Config& config, const config::App& app) {
  return app.is_loaded() ? fmt::format("{} of {}", command_of(config, app).program, app.root.text)
                         : app.program.text;
}

apps::KeepRules keep_rules(const config::App& app) {
  return {.idle = app.keep_connections,
          .idle_time = app.idle_connection_time,
          .requests = app.requests_per_connection == 0 ? UINT32_MAX : app.requests_per_connection};
}

// A sticky cookie is a wish; a hash needs a key, also of those that have no cookie yet.
void choose_key(const config::App& app, gateway::AppOptions& options) {
  options.sticky_cookie = app.sticky_cookie;
  if (app.balance != config::Balance::kHash) return;
  options.key_by = gateway::KeyBy::kPath;
  if (app.hash_key == "client") options.key_by = gateway::KeyBy::kClient;
  if (!app.hash_key.starts_with(kCookieKey)) return;
  options.key_by = gateway::KeyBy::kCookie;
  options.key_cookie = app.hash_key.substr(kCookieKey.size());
}

}  // namespace

std::string mount_of(const config::Route& route) {
  return std::string(config::PathPattern(route.path).mount());
}

gateway::AppOptions app_options(const config::App& app, const config::Route& route) {
  gateway::AppOptions options;
  options.name = app.name;
  options.mount = mount_of(route);
  // What a loader runs is one thing: its root is where it runs, and no path is looked up there.
  if (app.is_loaded()) {
    options.program = app.root.text;
  } else {
    if (app.type != config::AppType::kHttp) options.root = app.root.text;
    options.program = app.program.text;
  }
  options.scripts = app.scripts;
  options.index = app.index;
  options.fallback = app.fallback;
  options.executable =
      app.type == config::AppType::kCgi ? gateway::Executable::kMustBe : gateway::Executable::kNeedNotBe;
  options.encoded_slash =
      app.allow_encoded_slash ? gateway::EncodedSlash::kAllow : gateway::EncodedSlash::kRefuse;
  options.authorization =
      app.pass_authorization ? gateway::Authorization::kPass : gateway::Authorization::kKeep;
  options.non_parsed_headers =
      app.non_parsed_headers ? gateway::NonParsedHeaders::kAllow : gateway::NonParsedHeaders::kRefuse;
  options.request_buffering =
      app.request_buffering ? gateway::RequestBuffering::kAlways : gateway::RequestBuffering::kWhenNeeded;
  options.on_client_gone = to_gateway(app.on_client_gone);
  options.retries = app.retries;
  options.may_have_begun = app.model == config::AppModel::kPool ? gateway::MayHaveBegun::kIsOver
                                                                : gateway::MayHaveBegun::kIsRiskedOnce;
  options.head_limit = app.head_limit.count;
  options.body_limit = app.body.count;
  options.spool_above = app.spool_above.count;
  options.spool_directory = app.spool_directory.text;
  if (app.model == config::AppModel::kRemote) options.variables = app.environment;
  choose_key(app, options);
  return options;
}

server::ScriptNames script_names(const config::App& app) {
  return {.suffixes = app.scripts,
          .looked_up = !app.root.empty() && !app.is_loaded() && app.type != config::AppType::kHttp};
}

gateway::WireOptions wire_options(const config::App& app) {
  gateway::WireOptions options;
  options.name = app.name;
  options.multiplex = to_gateway(app.multiplex);
  options.on_client_gone = to_gateway(app.on_client_gone);
  options.connect_timeout = app.connect_timeout;
  options.send_timeout = app.send_timeout;
  options.first_byte_timeout = app.first_byte_timeout;
  options.read_timeout = app.read_timeout;
  options.time_limit = app.time_limit;
  options.response_buffer = app.response_buffer.count;
  options.response_spill = app.response_spill.count;
  options.spool_directory = app.spool_directory.text;
  options.exit_grace = app.exit_grace;
  options.errors_limit = app.errors_limit.count;
  options.head_limit = app.head_limit.count;
  options.upgraded_idle_time = app.upgraded_idle_time;
  options.forwarded = to_gateway(app.forwarded);
  options.pass_authorization =
      app.pass_authorization ? gateway::PassAuthorization::kYes : gateway::PassAuthorization::kNo;
  return options;
}

gateway::ProbeOptions probe_options(const config::App& app) {
  gateway::ProbeOptions options;
  if (app.is_loaded()) {
    options.program = app.root.text;
  } else {
    options.root = app.root.text;
    options.program = app.program.text;
  }
  return options;
}

apps::ExecOptions exec_options(const config::Config& config, size_t app_index) {
  const config::App& app = config.apps[app_index];
  apps::ExecOptions options;
  options.name = app.name;
  options.type = type_of(app);
  options.model = model_of(app);
  options.user = app.user;
  options.program = shown_program(config, app);
  options.app = static_cast<uint32_t>(app_index);
  options.queue_time = app.queue_time;
  return options;
}

apps::Admission::Limits admission_limits(const config::App& app, const config::Workers& workers) {
  const uint32_t processes = processes_of(workers);
  return {.at_once = share(app.concurrency, processes), .queue = share(app.queue, processes)};
}

apps::pool::PoolOptions pool_options(const config::Config& config) {
  const uint32_t processes = processes_of(config.workers);
  apps::pool::PoolOptions options;
  options.memory = config.pool.memory.count / processes;
  options.reserve = config.pool.reserve.count;
  options.instances = share(config.pool.instances, processes);
  options.processes = processes;
  return options;
}

apps::pool::GroupOptions group_options(const config::Config& config, size_t app_index) {
  const config::App& app = config.apps[app_index];
  const uint32_t processes = processes_of(config.workers);
  const config::Instances& instances = app.instances;
  apps::pool::GroupOptions options;
  options.name = app.name;
  options.type = type_of(app);
  options.user = app.user;
  options.program = shown_program(config, app);
  options.app = static_cast<uint32_t>(app_index);
  options.listens_at = to_apps(app.listen);
  options.min = share(instances.min, processes);
  options.max = share(instances.max, processes);
  options.spare = share(instances.spare, processes);
  options.guaranteed = share(instances.guaranteed, processes);
  options.concurrency = instances.concurrency;
  options.idle_time = instances.idle_time;
  options.max_requests = instances.max_requests;
  options.max_age = instances.max_age;
  options.memory_soft = instances.memory_soft.count;
  options.memory_hard = instances.memory_hard.count;
  options.start_timeout = instances.start_timeout;
  if (has_templates(app)) options.start_timeout += app.preloaded.start_timeout;  // it may wait for that first
  options.drain_time =
      (app.time_limit == config::Duration::zero() ? kUnlimitedDrains : app.time_limit) + kBeyondTimeLimit;
  options.back_off = app.health.back_off;
  options.back_off_most = app.health.back_off_most;
  options.queue = share(app.queue, processes);
  options.queue_time = app.queue_time;
  options.keep = keep_rules(app);
  options.health_path = app.health.path;
  options.health_status = static_cast<int>(app.health.status);
  options.health_timeout = app.health.timeout;
  return options;
}

apps::remote::FarmOptions farm_options(const config::Config& config, size_t app_index) {
  const config::App& app = config.apps[app_index];
  const uint32_t processes = processes_of(config.workers);
  apps::remote::FarmOptions options;
  options.name = app.name;
  options.type = type_of(app);
  options.peers = app.peers;
  for (base::Peer& peer : options.peers) peer.concurrency = share(peer.concurrency, processes);
  options.policy = to_apps(app.balance);
  options.health = {.fails = app.health.fails,
                    .back_off = app.health.back_off,
                    .back_off_most = app.health.back_off_most,
                    .slow_start = app.health.slow_start};
  options.checks = {.interval = app.health.interval,
                    .timeout = app.health.timeout,
                    .path = app.health.path,
                    .status = static_cast<int>(app.health.status)};
  options.concurrency = share(app.concurrency, processes);
  options.queue = share(app.queue, processes);
  options.queue_time = app.queue_time;
  options.resolve_interval = app.resolve_interval;
  options.keep = keep_rules(app);
  return options;
}

}  // namespace remuda::cli
