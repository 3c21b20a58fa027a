// SPDX-License-Identifier: Apache-2.0
//
// Reading. Every value is asked for its type first, so that the library has nothing to throw.
#include <charconv>

#include <nlohmann/json.hpp>

#include "admin/json.h"

namespace remuda::admin {
namespace {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

template <typename Number>
void read(Number& into, const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (value.is_number_unsigned()) into = static_cast<Number>(value.get<uint64_t>());
}

void read(std::string& into, const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (value.is_string()) into = value.get_ref<const std::string&>();
}

void read(bool& into, const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (value.is_boolean()) into = value.get<bool>();
}

// The century that a duration is cut to is longer than any server runs, and its nanoseconds fit.
void read(loop::Duration& into, const Json& object, const char* name) {
  constexpr uint64_t kCentury = 100ULL * 365 * 24 * 3600 * 1000;
  uint64_t milliseconds = 0;
  read(milliseconds, object, name);
  into = std::chrono::milliseconds(std::min(milliseconds, kCentury));
}

// What an enumeration's value is called is what to_string() calls it.
template <typename Enumeration>
void read_word(Enumeration& into, Enumeration last, const Json& object, const char* name) {
  std::string word;
  read(word, object, name);
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (word == to_string(static_cast<Enumeration>(i))) into = static_cast<Enumeration>(i);
  }
}

template <typename Value, typename Read>
void read_list(std::vector<Value>& into, const Json& object, const char* name, Read read_one) {
  const Json& list = member(object, name);
  if (!list.is_array()) return;
  for (const Json& item : list) into.push_back(read_one(item));
}

std::string read_line(const Json& item) {
  return item.is_string() ? item.get_ref<const std::string&>() : std::string();
}

WorkerFigures read_worker(const Json& json) {
  WorkerFigures worker;
  read(worker.pid, json, "pid");
  read(worker.uptime, json, "uptime_ms");
  read(worker.loops, json, "loops");
  read(worker.connections, json, "connections");
  read(worker.accepted, json, "accepted");
  read(worker.bytes_received, json, "bytes_received");
  read(worker.bytes_sent, json, "bytes_sent");
  const Json& requests = member(json, "requests");
  constexpr std::array kClasses = {"unanswered", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < kClasses.size(); ++i) read(worker.requests[i], requests, kClasses[i]);
  return worker;
}

apps::QueueStatus read_queue(const Json& json) {
  apps::QueueStatus queue;
  read(queue.waiting, json, "waiting");
  read(queue.bound, json, "bound");
  read(queue.admitted, json, "admitted");
  read(queue.waited, json, "waited_ms");
  read(queue.longest, json, "longest_ms");
  const Json& dropped = member(json, "dropped");
  read(queue.dropped.full, dropped, "full");
  read(queue.dropped.timed_out, dropped, "timed_out");
  read(queue.dropped.hopeless, dropped, "hopeless");
  read(queue.dropped.client_left, dropped, "client_left");
  read(queue.dropped.unavailable, dropped, "unavailable");
  return queue;
}

apps::InstanceStatus read_instance(const Json& json) {
  apps::InstanceStatus instance;
  read(instance.endpoint, json, "endpoint");
  read(instance.pid, json, "pid");
  read_word(instance.state, apps::InstanceStatus::State::kStopping, json, "state");
  read(instance.generation, json, "generation");
  read(instance.age, json, "age_ms");
  read(instance.idle, json, "idle_ms");
  read(instance.requests, json, "requests");
  read(instance.busy, json, "busy");
  const Json& capacity = member(json, "capacity");
  read(instance.capacity.requests, capacity, "requests");
  read(instance.capacity.connections, capacity, "connections");
  read(instance.capacity.multiplexes, capacity, "multiplexes");
  read(instance.memory.resident, json, "rss_bytes");
  read(instance.memory.proportional, json, "pss_bytes");
  read(instance.memory.unique, json, "uss_bytes");
  read(instance.cpu, json, "cpu_ms");
  read(instance.why, json, "why");
  return instance;
}

apps::TemplateStatus read_template(const Json& json) {
  apps::TemplateStatus its;
  read(its.program, json, "program");
  read_word(its.state, apps::TemplateStatus::State::kFailed, json, "state");
  read(its.generation, json, "generation");
  read(its.pid, json, "pid");
  read(its.age, json, "age_ms");
  read(its.loaded_in, json, "loaded_in_ms");
  read(its.memory.resident, json, "rss_bytes");
  read(its.memory.proportional, json, "pss_bytes");
  read(its.memory.unique, json, "uss_bytes");
  read_list(its.lines, json, "lines", read_line);
  return its;
}

apps::PeerStatus read_peer(const Json& json) {
  apps::PeerStatus peer;
  read(peer.endpoint, json, "endpoint");
  read(peer.address, json, "address");
  read_word(peer.state, apps::PeerStatus::State::kDraining, json, "state");
  read(peer.weight, json, "weight");
  read(peer.busy, json, "busy");
  read(peer.requests, json, "requests");
  read(peer.failures, json, "failures");
  read(peer.down_for, json, "down_for_ms");
  read(peer.trouble, json, "trouble");
  return peer;
}

apps::RequestStatus read_live(const Json& json) {
  apps::RequestStatus live;
  std::string number;
  read(number, json, "request");
  live.request = parse_request(number).value_or(0);
  read(live.method, json, "method");
  read(live.target, json, "target");
  read_word(live.phase, apps::Phase::kReply, json, "phase");
  read(live.age, json, "age_ms");
  read(live.endpoint, json, "endpoint");
  return live;
}

apps::AppStatus read_app(const Json& json) {
  apps::AppStatus app;
  read(app.name, json, "name");
  read(app.type, json, "type");
  read(app.model, json, "model");
  read(app.requests, json, "requests");
  read(app.failures, json, "failures");
  read(app.retries, json, "retries");
  read(app.starts, json, "starts");
  read(app.failed_starts, json, "failed_starts");
  app.queue = read_queue(member(json, "queue"));
  read_list(app.templates, json, "templates", read_template);
  const Json& counters = member(json, "template_counters");
  read(app.template_counters.loads, counters, "loads");
  read(app.template_counters.failures, counters, "failures");
  read(app.template_counters.loading, counters, "loading_ms");
  read_list(app.instances, json, "instances", read_instance);
  read_list(app.peers, json, "peers", read_peer);
  read_list(app.live, json, "live", read_live);
  read(app.trouble, json, "trouble");
  read_list(app.journey, json, "journey", read_line);
  read_list(app.sizing, json, "sizing", read_line);
  return app;
}

std::optional<Json> parse_object(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

}  // namespace

std::optional<Snapshot> parse_snapshot(std::string_view text) {
  const auto json = parse_object(text);
  if (!json) return std::nullopt;
  Snapshot snapshot;
  read(snapshot.version, *json, "version");
  read(snapshot.supervisor, *json, "supervisor_pid");
  read_list(snapshot.workers, *json, "workers", read_worker);
  read_list(snapshot.apps, *json, "apps", read_app);
  return snapshot;
}

std::optional<apps::RestartReport> parse_restart_report(std::string_view text) {
  const auto json = parse_object(text);
  if (!json || !member(*json, "succeeded").is_boolean()) return std::nullopt;
  apps::RestartReport report;
  read(report.succeeded, *json, "succeeded");
  read(report.replaced, *json, "replaced");
  read_list(report.lines, *json, "lines", read_line);
  return report;
}

std::string parse_sentence(std::string_view text) {
  std::string sentence;
  if (const auto json = parse_object(text)) {
    read(sentence, *json, "done");
    read(sentence, *json, "error");
  }
  return sentence;
}

std::optional<uint64_t> parse_request(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace remuda::admin
