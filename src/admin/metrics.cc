// SPDX-License-Identifier: Apache-2.0
//
// One family after the other, each with its help and type, as the format wants it.
#include "admin/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

namespace remuda::admin {
namespace {

using apps::AppStatus;
using apps::InstanceStatus;
using apps::PeerStatus;

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

double seconds(loop::Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string escaped_label(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') result += '\\';
    result += c;
  }
  return result;
}

class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP remuda_{} {}\n# TYPE remuda_{} {}\n", name, help, name, type);
  }
  void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
  void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }

  template <typename Number>
  void value(const Labels& labels, Number number) {
    text_ += fmt::format("remuda_{}", name_);
    char before = '{';
    for (const auto& [label, its_value] : labels) {
      text_ += fmt::format("{}{}=\"{}\"", before, label, escaped_label(its_value));
      before = ',';
    }
    text_ += fmt::format("{}{}\n", labels.empty() ? " " : "} ", number);
  }

  // One value for each application.
  template <typename Of>
  void by_app(const std::vector<AppStatus>& apps, Of of) {
    for (const AppStatus& app : apps) value({{"app", app.name}}, of(app));
  }

  std::string text() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void write_server(Writer& writer, const Snapshot& snapshot) {
  const WorkerFigures total = total_of(snapshot.workers);
  writer.gauge("build_info", "The version of the server; always 1.");
  writer.value({{"version", snapshot.version}}, 1);
  writer.gauge("workers", "Worker processes.");
  writer.value({}, snapshot.workers.size());
  writer.gauge("uptime_seconds", "Time since the oldest worker started.");
  writer.value({}, seconds(total.uptime));
  writer.gauge("connections", "Client connections that are open.");
  writer.value({}, total.connections);
  writer.counter("connections_accepted_total", "Client connections accepted.");
  writer.value({}, total.accepted);
  writer.counter("requests_total", "Requests by class of status; unanswered: the client had left.");
  constexpr std::array kClasses = {"unanswered", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < kClasses.size(); ++i) writer.value({{"class", kClasses[i]}}, total.requests[i]);
  writer.counter("received_body_bytes_total", "Bytes of request bodies.");
  writer.value({}, total.bytes_received);
  writer.counter("sent_bytes_total", "Bytes of responses, heads included.");
  writer.value({}, total.bytes_sent);
}

void write_requests(Writer& writer, const std::vector<AppStatus>& apps) {
  writer.counter("app_requests_total", "Requests that the application answered.");
  writer.by_app(apps, [](const AppStatus& app) { return app.requests; });
  writer.counter("app_failures_total", "Requests that it failed to answer, or not in time.");
  writer.by_app(apps, [](const AppStatus& app) { return app.failures; });
  writer.counter("app_retries_total", "Requests sent again to another instance or peer.");
  writer.by_app(apps, [](const AppStatus& app) { return app.retries; });
  writer.gauge("app_requests_live", "Requests that wait or are worked on.");
  writer.by_app(apps, [](const AppStatus& app) { return app.live.size(); });
  writer.counter("app_starts_total", "Processes started.");
  writer.by_app(apps, [](const AppStatus& app) { return app.starts; });
  writer.counter("app_failed_starts_total", "Processes that ended before they could answer.");
  writer.by_app(apps, [](const AppStatus& app) { return app.failed_starts; });
  writer.gauge("app_trouble", "1 while something is wrong: instances do not start, no peer is up.");
  writer.by_app(apps, [](const AppStatus& app) { return app.trouble.empty() ? 0 : 1; });
}

void write_queues(Writer& writer, const std::vector<AppStatus>& apps) {
  writer.gauge("app_queue_waiting", "Requests that wait for their turn.");
  writer.by_app(apps, [](const AppStatus& app) { return app.queue.waiting; });
  writer.gauge("app_queue_bound", "Requests that may wait at most.");
  writer.by_app(apps, [](const AppStatus& app) { return app.queue.bound; });
  writer.counter("app_queue_admitted_total", "Requests that got their turn.");
  writer.by_app(apps, [](const AppStatus& app) { return app.queue.admitted; });
  writer.counter("app_queue_wait_seconds_total", "Time that they waited, all together.");
  writer.by_app(apps, [](const AppStatus& app) { return seconds(app.queue.waited); });
  writer.counter("app_queue_dropped_total", "Requests that never got their turn, by reason.");
  for (const AppStatus& app : apps) {
    const apps::Drops& dropped = app.queue.dropped;
    const auto value = [&](std::string_view reason, uint64_t count) {
      writer.value({{"app", app.name}, {"reason", reason}}, count);
    };
    value("full", dropped.full);
    value("timed_out", dropped.timed_out);
    value("hopeless", dropped.hopeless);
    value("client_left", dropped.client_left);
    value("unavailable", dropped.unavailable);
  }
}

uint64_t sum_over(const AppStatus& app, const std::function<uint64_t(const InstanceStatus&)>& of) {
  uint64_t sum = 0;
  for (const InstanceStatus& instance : app.instances) sum += of(instance);
  return sum;
}

void write_instances(Writer& writer, const std::vector<AppStatus>& apps) {
  using State = InstanceStatus::State;
  writer.gauge("app_instances", "Processes kept alive, by state.");
  for (const AppStatus& app : apps) {
    for (const State state : {State::kStarting, State::kReady, State::kDraining, State::kStopping}) {
      const uint64_t count = sum_over(app, [&](const auto& its) -> uint64_t { return its.state == state; });
      writer.value({{"app", app.name}, {"state", to_string(state)}}, count);
    }
  }
  writer.gauge("app_instances_busy", "Processes with a request.");
  writer.by_app(apps, [](const AppStatus& app) {
    return sum_over(app, [](const auto& its) -> uint64_t { return its.busy > 0; });
  });
  writer.gauge("app_memory_bytes", "Memory of the processes kept alive, by what is counted.");
  for (const AppStatus& app : apps) {
    const auto value = [&](std::string_view kind, uint64_t apps::Memory::* of) {
      writer.value({{"app", app.name}, {"kind", kind}},
                   sum_over(app, [&](const auto& its) { return its.memory.*of; }));
    };
    value("rss", &apps::Memory::resident);
    value("pss", &apps::Memory::proportional);
    value("uss", &apps::Memory::unique);
  }
}

uint32_t latest_generation(const AppStatus& app) {
  uint32_t latest = 0;
  for (const auto& its : app.templates) {
    if (its.state == apps::TemplateStatus::State::kReady) latest = std::max(latest, its.generation);
  }
  return latest;
}

void write_templates(Writer& writer, const std::vector<AppStatus>& apps) {
  using State = apps::TemplateStatus::State;
  writer.gauge("app_template_state", "Templates, by state.");
  for (const AppStatus& app : apps) {
    for (const State state : {State::kLoading, State::kReady, State::kFailed}) {
      const auto count = std::ranges::count(app.templates, state, &apps::TemplateStatus::state);
      writer.value({{"app", app.name}, {"state", to_string(state)}}, count);
    }
  }
  writer.gauge("app_template_generation", "The latest generation that processes are forked from; 0: none.");
  writer.by_app(apps, latest_generation);
  writer.counter("app_template_loads_total", "Templates that were loaded.");
  writer.by_app(apps, [](const AppStatus& app) { return app.template_counters.loads; });
  writer.counter("app_template_failures_total", "Templates that did not load.");
  writer.by_app(apps, [](const AppStatus& app) { return app.template_counters.failures; });
  writer.counter("app_template_load_seconds_total", "Time that loading took, all together.");
  writer.by_app(apps, [](const AppStatus& app) { return seconds(app.template_counters.loading); });
}

// What several workers know of one peer, by its address: it is up if any of them can use it.
std::map<std::string_view, PeerStatus> peers_of(const AppStatus& app) {
  std::map<std::string_view, PeerStatus> peers;
  for (const PeerStatus& peer : app.peers) {
    const auto [place, is_new] = peers.try_emplace(peer.address, peer);
    if (is_new) continue;
    place->second.busy += peer.busy;
    place->second.requests += peer.requests;
    place->second.failures += peer.failures;
    if (peer.state != PeerStatus::State::kDown) place->second.state = peer.state;
  }
  return peers;
}

template <typename Of>
void write_peer_values(Writer& writer, const std::vector<AppStatus>& apps, Of of) {
  for (const AppStatus& app : apps) {
    for (const auto& [address, peer] : peers_of(app)) {
      writer.value({{"app", app.name}, {"peer", address}}, of(peer));
    }
  }
}

void write_peers(Writer& writer, const std::vector<AppStatus>& apps) {
  writer.gauge("peer_up", "0 while the peer is down.");
  write_peer_values(writer, apps,
                    [](const PeerStatus& peer) { return peer.state == PeerStatus::State::kDown ? 0 : 1; });
  writer.gauge("peer_busy", "Requests that the peer has now.");
  write_peer_values(writer, apps, [](const PeerStatus& peer) { return peer.busy; });
  writer.counter("peer_requests_total", "Requests that the peer answered.");
  write_peer_values(writer, apps, [](const PeerStatus& peer) { return peer.requests; });
  writer.counter("peer_failures_total", "Requests and checks that it failed.");
  write_peer_values(writer, apps, [](const PeerStatus& peer) { return peer.failures; });
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot) {
  Writer writer;
  write_server(writer, snapshot);
  write_requests(writer, snapshot.apps);
  write_queues(writer, snapshot.apps);
  write_templates(writer, snapshot.apps);
  write_instances(writer, snapshot.apps);
  write_peers(writer, snapshot.apps);
  return writer.text();
}

}  // namespace remuda::admin
