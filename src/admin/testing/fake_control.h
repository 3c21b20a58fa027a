// SPDX-License-Identifier: Apache-2.0
//
// FakeControl: an application that does nothing but remember what it was told, for tests of the status API.
// Also the busy server that the tests of tables and JSON look at.
#pragma once

#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "apps/control.h"

namespace remuda::admin::testing {

class FakeControl final : public apps::Control {
 public:
  explicit FakeControl(std::string name) { its.name = std::move(name); }

  std::string_view name() const override { return its.name; }
  loop::Task<apps::AppStatus> status() override {
    if (slow != nullptr) co_await slow->sleep_until(loop::kNever);
    co_return its;
  }
  loop::Task<apps::RestartReport> restart() override {
    told.emplace_back("restart");
    co_return report;
  }
  base::Result<void> end_instance(pid_t pid) override { return tell("end instance " + std::to_string(pid)); }
  loop::Task<base::Result<void>> end_request(uint64_t request) override {
    co_return tell("end request " + std::to_string(request));
  }
  base::Result<void> add_peer(std::string_view peer) override { return tell("add " + std::string(peer)); }
  base::Result<void> drain_peer(std::string_view peer) override { return tell("drain " + std::string(peer)); }
  base::Result<void> restore_peer(std::string_view peer) override {
    return tell("restore " + std::string(peer));
  }
  base::Result<void> remove_peer(std::string_view peer) override {
    return tell("remove " + std::string(peer));
  }

  apps::AppStatus its;
  apps::RestartReport report{.succeeded = true, .replaced = 2, .lines = {}};
  int error = 0;               // of what is told from now on
  loop::Loop* slow = nullptr;  // status() waits on it for ever
  std::vector<std::string> told;

 private:
  base::Result<void> tell(std::string what) {
    told.push_back(std::move(what));
    if (error != 0) return base::failure(error, "try");
    return {};
  }
};

// One worker with a pool that is busy, a farm with a peer that is down, and an application in trouble.
inline Snapshot busy_server() {
  using namespace std::chrono_literals;
  constexpr uint64_t kMebibyte = 1024 * 1024;
  Snapshot server{.version = "0.1.0", .supervisor = 100, .workers = {}, .apps = {}};
  server.workers.push_back({.pid = 102,
                            .uptime = 26h + 3min,
                            .loops = 2,
                            .connections = 12,
                            .accepted = 900,
                            .requests = {3, 0, 12000, 40, 250, 7},
                            .bytes_received = 5 * kMebibyte,
                            .bytes_sent = 3000 * kMebibyte});
  apps::AppStatus blog{.name = "blog", .type = "fastcgi", .model = "pool"};
  blog.requests = 8123;
  blog.failures = 2;
  blog.retries = 1;
  blog.starts = 9;
  blog.queue = {.waiting = 2,
                .bound = 100,
                .admitted = 8124,
                .waited = 4100ms,
                .longest = 120ms,
                .dropped = {.full = 4, .timed_out = 1, .client_left = 2}};
  blog.instances.push_back({.endpoint = 7,
                            .pid = 4242,
                            .state = apps::InstanceStatus::State::kReady,
                            .age = 2h + 5min,
                            .requests = 8000,
                            .busy = 1,
                            .memory = {.resident = 80 * kMebibyte,
                                       .proportional = 31 * kMebibyte + kMebibyte / 2,
                                       .unique = 20 * kMebibyte},
                            .cpu = 62s});
  blog.instances.push_back({.endpoint = 8,
                            .pid = 4250,
                            .state = apps::InstanceStatus::State::kDraining,
                            .generation = 2,
                            .age = 45s,
                            .idle = 3s,
                            .requests = 123,
                            .cpu = 800ms,
                            .why = "memory: 312 MiB above 256 MiB"});
  blog.live.push_back({.request = 0xc0ffee,
                       .method = "POST",
                       .target = "/wp-login.php",
                       .phase = apps::Phase::kApplication,
                       .age = 340ms,
                       .endpoint = 7});
  blog.live.push_back({.request = 0xc0fff0, .method = "GET", .target = "/", .age = 120ms});
  blog.sizing = {"memory 2.0 GiB / 31.5 MiB = 65"};
  server.apps.push_back(std::move(blog));

  apps::AppStatus shop{.name = "shop", .type = "fastcgi", .model = "remote"};
  shop.requests = 50;
  shop.peers.push_back({.endpoint = 3, .address = "10.0.0.7:9000", .weight = 2, .busy = 1, .requests = 50});
  shop.peers.push_back({.endpoint = 4,
                        .address = "unix:/run/shop.sock",
                        .state = apps::PeerStatus::State::kDown,
                        .failures = 3,
                        .down_for = 1500ms,
                        .trouble = "connect: Connection refused"});
  shop.live.push_back({.request = 0xc0fff1,
                       .method = "GET",
                       .target = "/cart",
                       .phase = apps::Phase::kReply,
                       .age = 2s,
                       .endpoint = 3});
  server.apps.push_back(std::move(shop));

  apps::AppStatus wiki{.name = "wiki", .type = "fastcgi", .model = "pool"};
  wiki.starts = 3;
  wiki.failed_starts = 3;
  wiki.queue.bound = 50;
  wiki.queue.dropped.unavailable = 17;
  wiki.trouble = "instances do not start: exited with status 1";
  wiki.journey = {"0 ms  fork", "3 ms  exec /srv/wiki/run", "21 ms  exited with status 1"};
  server.apps.push_back(std::move(wiki));
  return server;
}

// A pool whose instances are forked from a template; the next generation of it did not load.
inline apps::AppStatus forked_site() {
  using namespace std::chrono_literals;
  apps::AppStatus app{.name = "site", .type = "wsgi", .model = "pool"};
  constexpr uint64_t kMebibyte = 1024 * 1024;
  app.templates.push_back({.program = {},
                           .state = apps::TemplateStatus::State::kReady,
                           .generation = 3,
                           .pid = 812,
                           .age = 4min,
                           .loaded_in = 310ms,
                           .memory = {.proportional = 21 * kMebibyte},
                           .lines = {"import django 220.0 ms"}});
  app.template_counters = {.loads = 3, .failures = 1, .loading = 900ms};
  app.templates.push_back({.program = {},
                           .state = apps::TemplateStatus::State::kFailed,
                           .generation = 4,
                           .age = 5s,
                           .lines = {"exited with status 1", "| SyntaxError: invalid syntax"}});
  app.instances.push_back({.memory = {.resident = 40 * kMebibyte, .unique = 2 * kMebibyte}});
  return app;
}

}  // namespace remuda::admin::testing
