// SPDX-License-Identifier: Apache-2.0
//
// Writing. Names carry their unit; what is a duration is in milliseconds.
#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "admin/json.h"

namespace remuda::admin {
namespace {

using Json = nlohmann::ordered_json;

// Strings of any bytes are taken: the library would give up at the first that is no UTF-8.
std::string text_of(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

int64_t milliseconds(loop::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

Json requests_json(const WorkerFigures& figures) {
  Json json{{"total", all_requests(figures)}};
  for (size_t i = 1; i < figures.requests.size(); ++i) json[fmt::format("{}xx", i)] = figures.requests[i];
  json["unanswered"] = figures.requests[0];
  return json;
}

Json figures_json(const WorkerFigures& figures) {
  return {{"uptime_ms", milliseconds(figures.uptime)}, {"loops", figures.loops},
          {"connections", figures.connections},        {"accepted", figures.accepted},
          {"requests", requests_json(figures)},        {"bytes_received", figures.bytes_received},
          {"bytes_sent", figures.bytes_sent}};
}

Json worker_json(const WorkerFigures& worker) {
  Json json{{"pid", worker.pid}};
  json.update(figures_json(worker));
  return json;
}

Json queue_json(const apps::QueueStatus& queue) {
  return {{"waiting", queue.waiting},
          {"bound", queue.bound},
          {"admitted", queue.admitted},
          {"waited_ms", milliseconds(queue.waited)},
          {"longest_ms", milliseconds(queue.longest)},
          {"dropped",
           {{"full", queue.dropped.full},
            {"timed_out", queue.dropped.timed_out},
            {"hopeless", queue.dropped.hopeless},
            {"client_left", queue.dropped.client_left},
            {"unavailable", queue.dropped.unavailable}}}};
}

Json instance_json(const apps::InstanceStatus& instance) {
  return {{"endpoint", instance.endpoint},
          {"pid", instance.pid},
          {"state", to_string(instance.state)},
          {"generation", instance.generation},
          {"age_ms", milliseconds(instance.age)},
          {"idle_ms", milliseconds(instance.idle)},
          {"requests", instance.requests},
          {"busy", instance.busy},
          {"capacity",
           {{"requests", instance.capacity.requests},
            {"connections", instance.capacity.connections},
            {"multiplexes", instance.capacity.multiplexes}}},
          {"rss_bytes", instance.memory.resident},
          {"pss_bytes", instance.memory.proportional},
          {"uss_bytes", instance.memory.unique},
          {"shared_percent", shared_percent(instance.memory)},
          {"cpu_ms", milliseconds(instance.cpu)},
          {"why", instance.why}};
}

Json peer_json(const apps::PeerStatus& peer) {
  return {{"endpoint", peer.endpoint},
          {"address", peer.address},
          {"state", to_string(peer.state)},
          {"weight", peer.weight},
          {"busy", peer.busy},
          {"requests", peer.requests},
          {"failures", peer.failures},
          {"down_for_ms", milliseconds(peer.down_for)},
          {"trouble", peer.trouble}};
}

Json template_json(const apps::TemplateStatus& its) {
  return {{"program", its.program},           {"state", to_string(its.state)},
          {"generation", its.generation},     {"pid", its.pid},
          {"age_ms", milliseconds(its.age)},  {"loaded_in_ms", milliseconds(its.loaded_in)},
          {"rss_bytes", its.memory.resident}, {"pss_bytes", its.memory.proportional},
          {"uss_bytes", its.memory.unique},   {"lines", its.lines}};
}

Json template_counters_json(const apps::TemplateCounters& counters) {
  return {{"loads", counters.loads},
          {"failures", counters.failures},
          {"loading_ms", milliseconds(counters.loading)}};
}

// Who works on it, by the name that people know: null for nobody yet.
Json worked_on_by(const apps::AppStatus& app, uint64_t endpoint) {
  for (const apps::InstanceStatus& instance : app.instances) {
    if (endpoint != 0 && instance.endpoint == endpoint) return instance.pid;
  }
  for (const apps::PeerStatus& peer : app.peers) {
    if (endpoint != 0 && peer.endpoint == endpoint) return peer.address;
  }
  return nullptr;
}

Json live_json(const apps::AppStatus& app, const apps::RequestStatus& live) {
  return {{"request", request_text(live.request)},
          {"method", live.method},
          {"target", live.target},
          {"phase", to_string(live.phase)},
          {"age_ms", milliseconds(live.age)},
          {"endpoint", live.endpoint},
          {"by", worked_on_by(app, live.endpoint)}};
}

template <typename Value, typename Write>
Json list_json(const std::vector<Value>& values, Write write) {
  Json list = Json::array();
  for (const Value& value : values) list.push_back(write(value));
  return list;
}

Json app_json(const apps::AppStatus& app) {
  return {{"name", app.name},
          {"type", app.type},
          {"model", app.model},
          {"requests", app.requests},
          {"failures", app.failures},
          {"retries", app.retries},
          {"starts", app.starts},
          {"failed_starts", app.failed_starts},
          {"queue", queue_json(app.queue)},
          {"templates", list_json(app.templates, template_json)},
          {"template_counters", template_counters_json(app.template_counters)},
          {"instances", list_json(app.instances, instance_json)},
          {"one_more_bytes", memory_of_one_more(app)},
          {"peers", list_json(app.peers, peer_json)},
          {"live", list_json(app.live, [&](const auto& live) { return live_json(app, live); })},
          {"trouble", app.trouble},
          {"journey", app.journey},
          {"sizing", app.sizing}};
}

}  // namespace

std::string to_json(const Snapshot& snapshot) {
  return text_of({{"version", snapshot.version},
                  {"supervisor_pid", snapshot.supervisor},
                  {"workers", list_json(snapshot.workers, worker_json)},
                  {"total", figures_json(total_of(snapshot.workers))},
                  {"apps", list_json(snapshot.apps, app_json)}});
}

std::string to_json(const apps::RestartReport& report) {
  Json json{{"succeeded", report.succeeded}, {"replaced", report.replaced}, {"lines", report.lines}};
  if (!report.succeeded) json["error"] = fmt::format("the restart failed: {}", who_serves(report));
  return text_of(json);
}

std::string error_json(std::string_view sentence) { return text_of({{"error", sentence}}); }
std::string done_json(std::string_view sentence) { return text_of({{"done", sentence}}); }

std::string request_text(uint64_t request) { return fmt::format("{:016x}", request); }

}  // namespace remuda::admin
