// SPDX-License-Identifier: Apache-2.0
//
// Sums over workers.
#include "admin/snapshot.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>

#include "base/check.h"

namespace remuda::admin {
namespace {

using apps::AppStatus;

// Numbers that differ between workers, whatever each calls its own.
class Renumbering {
 public:
  void renumber(AppStatus& app) {
    std::map<uint64_t, uint64_t> given;
    for (auto& instance : app.instances) instance.endpoint = given[instance.endpoint] = ++last_;
    for (auto& peer : app.peers) peer.endpoint = given[peer.endpoint] = ++last_;
    for (auto& live : app.live) {
      const auto found = given.find(live.endpoint);
      live.endpoint = found == given.end() ? 0 : found->second;
    }
  }

 private:
  uint64_t last_ = 0;
};

template <typename Value>
void append(std::vector<Value>& to, std::vector<Value>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void add(apps::QueueStatus& sum, const apps::QueueStatus& part) {
  sum.waiting += part.waiting;
  sum.bound += part.bound;
  sum.admitted += part.admitted;
  sum.waited += part.waited;
  sum.longest = std::max(sum.longest, part.longest);
  sum.dropped.full += part.dropped.full;
  sum.dropped.timed_out += part.dropped.timed_out;
  sum.dropped.hopeless += part.dropped.hopeless;
  sum.dropped.client_left += part.dropped.client_left;
  sum.dropped.unavailable += part.dropped.unavailable;
}

// All workers hear of the same templates.
void add_templates(AppStatus& sum, const AppStatus& part) {
  for (const apps::TemplateStatus& its : part.templates) {
    const bool known = std::ranges::any_of(sum.templates, [&](const apps::TemplateStatus& each) {
      return each.program == its.program && each.generation == its.generation;
    });
    if (!known) sum.templates.push_back(its);
  }
  apps::TemplateCounters& most = sum.template_counters;
  most.loads = std::max(most.loads, part.template_counters.loads);
  most.failures = std::max(most.failures, part.template_counters.failures);
  most.loading = std::max(most.loading, part.template_counters.loading);
}

// Of trouble and arithmetic the first that there is: workers have the same rules, and mostly the same
// trouble.
void add(AppStatus& sum, AppStatus& part) {
  sum.requests += part.requests;
  sum.failures += part.failures;
  sum.retries += part.retries;
  sum.starts += part.starts;
  sum.failed_starts += part.failed_starts;
  add(sum.queue, part.queue);
  append(sum.instances, part.instances);
  append(sum.peers, part.peers);
  add_templates(sum, part);
  append(sum.live, part.live);
  if (sum.trouble.empty() && !part.trouble.empty()) {
    sum.trouble = std::move(part.trouble);
    sum.journey = std::move(part.journey);
  }
  if (sum.sizing.empty()) sum.sizing = std::move(part.sizing);
}

void add(std::vector<AppStatus>& sums, AppStatus& part) {
  const auto same = std::ranges::find(sums, part.name, &AppStatus::name);
  if (same == sums.end()) {
    sums.push_back(std::move(part));
  } else {
    add(*same, part);
  }
}

}  // namespace

uint64_t all_requests(const WorkerFigures& figures) {
  return std::accumulate(figures.requests.begin(), figures.requests.end(), uint64_t{0});
}

WorkerFigures total_of(const std::vector<WorkerFigures>& workers) {
  WorkerFigures sum;
  for (const WorkerFigures& worker : workers) {
    sum.uptime = std::max(sum.uptime, worker.uptime);
    sum.loops += worker.loops;
    sum.connections += worker.connections;
    sum.accepted += worker.accepted;
    for (size_t i = 0; i < sum.requests.size(); ++i) sum.requests[i] += worker.requests[i];
    sum.bytes_received += worker.bytes_received;
    sum.bytes_sent += worker.bytes_sent;
  }
  return sum;
}

Snapshot merge(std::vector<Snapshot> parts) {
  CHECK(!parts.empty());
  Snapshot sum;
  sum.version = parts.front().version;
  sum.supervisor = parts.front().supervisor;
  Renumbering numbers;
  for (Snapshot& part : parts) {
    append(sum.workers, part.workers);
    for (AppStatus& app : part.apps) {
      numbers.renumber(app);
      add(sum.apps, app);
    }
  }
  return sum;
}

}  // namespace remuda::admin
