// SPDX-License-Identifier: Apache-2.0
//
//     remuda 0.1.0, supervisor 100, worker 102, up 1d02h
//     ...
//     blog  fastcgi, pool: 2 instances (1 ready, 1 draining), 1 busy
//       8123 requests, 2 failed, 1 retried; 9 starts
//       queue: ...
//       instances, peers, requests: a table each
//       trouble, and the journey of the last start
#include "cli/status_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <ranges>
#include <set>

#include "admin/json.h"
#include "base/log.h"
#include "cli/table.h"
#include "cli/units.h"

namespace remuda::cli {
namespace {

using apps::AppStatus;
using apps::InstanceStatus;
using apps::PeerStatus;
using enum Table::Align;

void add_part(std::string& to, std::string_view separator, std::string part) {
  if (part.empty()) return;
  if (!to.empty()) to += separator;
  to += part;
}

std::string unless_zero(uint64_t count, std::string_view what) {
  return count == 0 ? std::string() : fmt::format("{} {}", count, what);
}

std::string requests_by_class(const admin::WorkerFigures& total) {
  std::string text;
  for (size_t i = 1; i < total.requests.size(); ++i) {
    add_part(text, ", ", unless_zero(total.requests[i], fmt::format("{}xx", i)));
  }
  add_part(text, ", ", unless_zero(total.requests[0], "unanswered"));
  return text;
}

std::string server_text(const admin::Snapshot& snapshot) {
  const admin::WorkerFigures total = total_of(snapshot.workers);
  std::vector<pid_t> pids;
  for (const auto& worker : snapshot.workers) pids.push_back(worker.pid);
  std::string text = fmt::format("remuda {}, supervisor {}, {} {}, up {}\n", base::escaped(snapshot.version),
                                 snapshot.supervisor, pids.size() == 1 ? "worker" : "workers",
                                 fmt::join(pids, " "), shown_age(total.uptime));
  text += fmt::format("{} now, {} accepted, on {}\n", counted(total.connections, "connection"),
                      total.accepted, counted(total.loops, "loop"));
  const std::string classes = requests_by_class(total);
  text += fmt::format("{}{}{}; sent {}, received {}\n", counted(all_requests(total), "request"),
                      classes.empty() ? "" : ": ", classes, shown_size(total.bytes_sent),
                      shown_size(total.bytes_received));
  return text;
}

// "2 instances (1 ready, 1 draining), 1 busy"
std::string instances_summary(const AppStatus& app) {
  using State = InstanceStatus::State;
  std::string states;
  for (const State state : {State::kStarting, State::kReady, State::kDraining, State::kStopping}) {
    const auto count = std::ranges::count(app.instances, state, &InstanceStatus::state);
    add_part(states, ", ", unless_zero(static_cast<uint64_t>(count), to_string(state)));
  }
  const auto busy = std::ranges::count_if(app.instances, [](const auto& its) { return its.busy > 0; });
  return fmt::format("{} ({}), {} busy", counted(app.instances.size(), "instance"), states, busy);
}

// "2 peers (1 up, 1 down)". Each worker has its own view of a peer: one that they see alike is one.
std::string peers_summary(const AppStatus& app) {
  using State = PeerStatus::State;
  const auto addresses = [&](std::optional<State> state) {
    std::set<std::string_view> found;
    for (const PeerStatus& peer : app.peers)
      if (!state || peer.state == *state) found.insert(peer.address);
    return static_cast<uint64_t>(found.size());
  };
  std::string states;
  for (const State state : {State::kUp, State::kSlowStart, State::kDown, State::kDraining})
    add_part(states, ", ", unless_zero(addresses(state), to_string(state)));
  return fmt::format("{} ({})", counted(addresses(std::nullopt), "peer"), states);
}

uint64_t worked_on(const AppStatus& app) {
  return static_cast<uint64_t>(
      std::ranges::count_if(app.live, [](const auto& live) { return live.phase != apps::Phase::kQueue; }));
}

std::string summary_line(const AppStatus& app) {
  std::string text;
  if (!app.instances.empty()) add_part(text, "; ", instances_summary(app));
  if (!app.peers.empty()) add_part(text, "; ", peers_summary(app));
  if (text.empty() && app.model == "pool") text = "no instance";
  if (text.empty()) text = fmt::format("{} now", counted(worked_on(app), "request"));
  return fmt::format("{}  {}, {}: {}\n", base::escaped(app.name), base::escaped(app.type),
                     base::escaped(app.model), text);
}

std::string counters_line(const AppStatus& app) {
  std::string text = fmt::format("{}", counted(app.requests, "request"));
  add_part(text, ", ", unless_zero(app.failures, "failed"));
  add_part(text, ", ", unless_zero(app.retries, "retried"));
  if (app.starts + app.failed_starts > 0) add_part(text, "; ", counted(app.starts, "start"));
  add_part(text, ", ", unless_zero(app.failed_starts, "failed"));
  return text;
}

std::string shown_shared(const apps::Memory& memory) {
  return memory.unique == 0 ? "-" : fmt::format("{}%", shared_percent(memory));
}

std::string idle_or_why(const InstanceStatus& instance) {
  if (instance.why.empty()) {
    return instance.busy == 0 && instance.state == InstanceStatus::State::kReady
               ? fmt::format("idle {}", shown_age(instance.idle))
               : std::string();
  }
  return instance.why;
}

std::string instances_table(const AppStatus& app) {
  Table table({{"PID", kRight},
               {"STATE"},
               {"AGE", kRight},
               {"REQUESTS", kRight},
               {"BUSY", kRight},
               {"RSS", kRight},
               {"PSS", kRight},
               {"USS", kRight},
               {"SHARED", kRight},
               {"CPU", kRight},
               {"NOW"}});
  for (const InstanceStatus& its : app.instances) {
    std::string now = current_request(app, its.endpoint);
    add_part(now, "; ", idle_or_why(its));
    table.row({std::to_string(its.pid), std::string(to_string(its.state)), shown_age(its.age),
               std::to_string(its.requests), busy_text(its), shown_memory(its.memory.resident),
               shown_memory(its.memory.proportional), shown_memory(its.memory.unique),
               shown_shared(its.memory), shown_wait(its.cpu), std::move(now)});
  }
  return table.empty() ? std::string() : table.text(2);
}

std::string_view last_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "template generation 3: ready, pid 812, loaded in 310ms, 4m old, 21.3MiB PSS"
std::string template_line(const apps::TemplateStatus& its) {
  using State = apps::TemplateStatus::State;
  std::string text =
      its.program.empty() ? "template" : fmt::format("template of {}", base::escaped(last_name(its.program)));
  if (its.generation > 0) text += fmt::format(" generation {}", its.generation);
  text += fmt::format(": {}", to_string(its.state));
  if (its.pid != 0) text += fmt::format(", pid {}", its.pid);
  if (its.state == State::kReady) text += fmt::format(", loaded in {}", shown_wait(its.loaded_in));
  text += fmt::format(", {} {}", shown_age(its.age), its.state == State::kFailed ? "ago" : "old");
  if (its.memory.proportional > 0) text += fmt::format(", {} PSS", shown_memory(its.memory.proportional));
  return text;
}

std::string peers_table(const AppStatus& app) {
  Table table({{"PEER"},
               {"STATE"},
               {"WEIGHT", kRight},
               {"BUSY", kRight},
               {"REQUESTS", kRight},
               {"FAILURES", kRight},
               {"NOW"}});
  for (const PeerStatus& its : app.peers) {
    std::string now = current_request(app, its.endpoint);
    add_part(now, "; ", its.trouble);
    if (its.down_for > loop::Duration::zero())
      add_part(now, "; ", fmt::format("next try in {}", shown_wait(its.down_for)));
    table.row({its.address, std::string(to_string(its.state)), std::to_string(its.weight),
               std::to_string(its.busy), std::to_string(its.requests), std::to_string(its.failures),
               std::move(now)});
  }
  return table.empty() ? std::string() : table.text(2);
}

std::string worker_of(const AppStatus& app, uint64_t endpoint) {
  for (const InstanceStatus& its : app.instances) {
    if (endpoint != 0 && its.endpoint == endpoint) return std::to_string(its.pid);
  }
  for (const PeerStatus& its : app.peers) {
    if (endpoint != 0 && its.endpoint == endpoint) return its.address;
  }
  return {};
}

// Oldest first, so that what hangs stands at the top.
std::string requests_table(const AppStatus& app, size_t most) {
  std::vector<apps::RequestStatus> live = app.live;
  std::ranges::stable_sort(live, std::greater(), &apps::RequestStatus::age);
  Table table({{"REQUEST"}, {"PHASE"}, {"AGE", kRight}, {"BY"}, {"WHAT"}});
  for (const apps::RequestStatus& its : live | std::views::take(most)) {
    table.row({admin::request_text(its.request), std::string(to_string(its.phase)), shown_wait(its.age),
               worker_of(app, its.endpoint), fmt::format("{} {}", its.method, its.target)});
  }
  if (table.empty()) return {};
  std::string text = table.text(2);
  if (live.size() > most) text += fmt::format("  and {} more\n", live.size() - most);
  return text;
}

std::string trouble_text(const AppStatus& app) {
  if (app.trouble.empty()) return {};
  std::string text = fmt::format("  trouble: {}\n", base::escaped(app.trouble));
  for (const std::string& line : app.journey) text += fmt::format("    {}\n", base::escaped(line));
  return text;
}

// Each worker has a share of what is allowed, and decides for itself.
std::string sizing_text(const AppStatus& app, size_t workers) {
  if (app.sizing.empty()) return {};
  std::string text = workers > 1 ? fmt::format("  size, in one of {} workers\n", workers) : "  size\n";
  for (const std::string& line : app.sizing) text += fmt::format("    {}\n", base::escaped(line));
  return text;
}

std::string app_text(const AppStatus& app, StatusDetail detail, size_t workers) {
  constexpr size_t kMostShown = 20;
  std::string text = summary_line(app);
  text += fmt::format("  {}\n", counters_line(app));
  if (app.queue.bound > 0 || app.queue.admitted + dropped_count(app.queue.dropped) > 0)
    text += fmt::format("  {}\n", queue_line(app.queue));
  text += trouble_text(app);
  text += templates_text(app, detail);
  text += instances_table(app);
  text += peers_table(app);
  if (detail == StatusDetail::kAll) {
    text += requests_table(app, SIZE_MAX);
    text += sizing_text(app, workers);
  } else if (app.instances.empty() && app.peers.empty()) {
    text += requests_table(app, kMostShown);
  }
  return text;
}

}  // namespace

uint64_t dropped_count(const apps::Drops& dropped) {
  return dropped.full + dropped.timed_out + dropped.hopeless + dropped.client_left + dropped.unavailable;
}

std::string dropped_text(const apps::Drops& dropped) {
  std::string text;
  add_part(text, ", ", unless_zero(dropped.full, "queue full"));
  add_part(text, ", ", unless_zero(dropped.timed_out, "timed out"));
  add_part(text, ", ", unless_zero(dropped.hopeless, "hopeless"));
  add_part(text, ", ", unless_zero(dropped.client_left, "client left"));
  add_part(text, ", ", unless_zero(dropped.unavailable, "nobody to answer"));
  return text;
}

std::string queue_line(const apps::QueueStatus& queue) {
  std::string text = fmt::format("queue: {} of {} waiting", queue.waiting, queue.bound);
  if (queue.waiting > 0) text += fmt::format(", the first for {}", shown_wait(queue.longest));
  if (queue.admitted > 0) {
    const double average =
        std::chrono::duration<double, std::milli>(queue.waited).count() / static_cast<double>(queue.admitted);
    text += fmt::format("; {} admitted after {:.1f}ms on average", queue.admitted, average);
  }
  const std::string dropped = dropped_text(queue.dropped);
  if (!dropped.empty()) text += fmt::format("; dropped: {}", dropped);
  return text;
}

// What a template has loaded is for those who ask for it all; why one has failed is for everybody.
std::string templates_text(const AppStatus& app, StatusDetail detail) {
  constexpr size_t kMostShown = 10;
  std::string text;
  const size_t shown = detail == StatusDetail::kAll ? SIZE_MAX : kMostShown;
  for (const apps::TemplateStatus& its : app.templates | std::views::take(shown)) {
    text += fmt::format("  {}\n", template_line(its));
    if (detail != StatusDetail::kAll && its.state == apps::TemplateStatus::State::kReady) continue;
    for (const std::string& line : its.lines) text += fmt::format("    {}\n", base::escaped(line));
  }
  if (app.templates.size() > shown)
    text += fmt::format("  and {} more templates\n", app.templates.size() - shown);
  const uint64_t one_more = memory_of_one_more(app);
  if (!app.templates.empty() && one_more > 0)
    text += fmt::format("  one more instance costs about {}\n", shown_memory(one_more));
  return text;
}

std::string busy_text(const InstanceStatus& instance) {
  const bool bounded = instance.capacity.requests != UINT32_MAX;
  return bounded ? fmt::format("{}/{}", instance.busy, instance.capacity.requests)
                 : std::to_string(instance.busy);
}

std::string current_request(const AppStatus& app, uint64_t endpoint) {
  const apps::RequestStatus* oldest = nullptr;
  size_t count = 0;
  for (const apps::RequestStatus& live : app.live) {
    if (live.endpoint != endpoint || endpoint == 0) continue;
    ++count;
    if (oldest == nullptr || live.age > oldest->age) oldest = &live;
  }
  if (oldest == nullptr) return {};
  std::string text = fmt::format("{} {} ({}, {})", oldest->method, oldest->target, to_string(oldest->phase),
                                 shown_wait(oldest->age));
  if (count > 1) text += fmt::format(" and {} more", count - 1);
  return text;
}

std::string status_text(const admin::Snapshot& snapshot, StatusDetail detail) {
  std::string text = server_text(snapshot);
  for (const AppStatus& app : snapshot.apps) text += "\n" + app_text(app, detail, snapshot.workers.size());
  return text;
}

}  // namespace remuda::cli
