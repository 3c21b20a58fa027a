// SPDX-License-Identifier: Apache-2.0
//
// The composition root: everything is opened here, in the order in which it can fail, before anything is
// forked.
#include "cli/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include <systemd/sd-daemon.h>

#include "cli/describe.h"
#include "cli/plan.h"
#include "server/inetd.h"
#include "server/process.h"

namespace remuda::cli {

namespace {

int give_up(std::string_view why) {
  fmt::print(stderr, "remuda: {}\n", why);
  return 1;
}

std::expected<std::vector<server::ListeningSocket>, std::string> listening_sockets(
    const config::Config& config) {
  const int passed_in = ::sd_listen_fds(1);  // and forgets the variables, so that no program inherits them
  if (passed_in > 0) return server::adopt_listeners(SD_LISTEN_FDS_START, passed_in);
  return server::open_listeners(config.listeners);
}

void say_what_is_served(const config::Config& config, const std::vector<server::ListeningSocket>& listeners,
                        const server::WorkerPlan& worker, base::Log& log) {
  for (const server::ListeningSocket& listener : listeners) log.info("listening on {}", listener.url);
  if (!config.recognised.empty()) log.info("{} is {}", config.identity, config.recognised);
  for (const std::string& route : describe_routes(config)) log.info("{}", route);
  log.info("{}", describe_workers(config.workers));
  const bool asked_for = config.origin_of("workers.connections").kind != config::Origin::Kind::kDefault;
  if (asked_for && worker.loop.connections < config.workers.connections) {
    log.warning(
        "the limit on open files allows {} connections in each loop, not {}; raise it with ulimit -n or "
        "LimitNOFILE=",
        worker.loop.connections, config.workers.connections);
  }
}

bool write_pid_file(const std::string& path) {
  std::ofstream file(path, std::ios::trunc);
  file << ::getpid() << '\n';
  return static_cast<bool>(file.flush());
}

int supervise(const config::Config& config, const std::shared_ptr<SharedParts>& shared, uint64_t open_files) {
  auto listeners = listening_sockets(config);
  if (!listeners) return give_up(listeners.error());
  auto log = base::Log::open(error_log_options(config.log, "supervisor", base::LogDelivery::kSynchronous));
  if (!log)
    return give_up(fmt::format("cannot open the error log {}: {}", to_string(config.log.error),
                               base::to_string(log.error())));
  const std::string& pid_file = config.server.pid_file.text;
  if (!pid_file.empty() && !write_pid_file(pid_file))
    return give_up("cannot write server.pid_file " + pid_file);

  server::SupervisorPlan plan;
  plan.processes = config.workers.processes;
  plan.start = config.workers.start;
  plan.grace = config.server.grace;
  plan.worker = worker_plan(shared, open_files);
  for (const server::ListeningSocket& listener : *listeners)
    plan.worker.loop.listeners.push_back(listener.socket.get());
  plan.apps = spawner_rules(config);
  plan.log_files = log_files(config.log);
  plan.run_directory = config::run_directory(config);
  plan.on_ready = [] { ::sd_notify(0, "READY=1\nSTATUS=serving"); };
  plan.on_stopping = [] { ::sd_notify(0, "STOPPING=1\nSTATUS=finishing what is in flight"); };
  say_what_is_served(config, *listeners, plan.worker, **log);
  plan.listeners = std::move(*listeners);
  const int code = server::run_supervisor(std::move(plan), **log);
  if (!pid_file.empty()) ::unlink(pid_file.c_str());
  return code;
}

// Descriptor 0 is the connection, and 1, perhaps 2, are copies of it: they must not keep it open.
base::Fd take_connection() {
  struct stat facts{};
  if (::fstat(STDIN_FILENO, &facts) < 0 || !S_ISSOCK(facts.st_mode)) return {};
  base::Fd connection(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  ::fcntl(connection.get(), F_SETFL, ::fcntl(connection.get(), F_GETFL) | O_NONBLOCK);
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct stat other{};
    if (::fstat(number, &other) < 0 || (other.st_dev == facts.st_dev && other.st_ino == facts.st_ino)) {
      ::dup2(nothing.get(), number);
    }
  }
  return connection;
}

int serve_inetd(const config::Config& config, const std::shared_ptr<SharedParts>& shared,
                uint64_t open_files) {
  for (const config::App& app : config.apps) {
    if (app.model == config::AppModel::kPool)
      return give_up(fmt::format(
          "--inetd: app {} has model \"pool\", whose instances would end with the one connection that "
          "this process serves; use \"remote\" or \"exec\"",
          app.name));
  }
  base::Fd connection = take_connection();
  if (!connection)
    return give_up("--inetd: descriptor 0 is no connection; inetd or systemd (Accept=yes) must start this");
  server::WorkerPlan plan = worker_plan(shared, open_files);
  plan.threads = 1;
  plan.offload_threads = 0;
  plan.error_log.delivery = base::LogDelivery::kSynchronous;
  // A template for the few requests of one connection would cost more than it saves.
  std::vector<spawner::AppRules> rules = spawner_rules(config);
  for (spawner::AppRules& rule : rules) rule.template_rules = {};
  return server::run_inetd(plan, std::move(rules), std::move(connection));
}

}  // namespace

int serve(const config::Config& config, Entry entry) {
  const uint64_t open_files = server::raise_open_files_limit();
  auto shared = make_shared_parts(config);
  if (!shared) return give_up(shared.error());
  return entry == Entry::kInetd ? serve_inetd(config, *shared, open_files)
                                : supervise(config, *shared, open_files);
}

}  // namespace remuda::cli
