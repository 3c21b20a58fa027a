// SPDX-License-Identifier: Apache-2.0
//
// Differences of counters over time. A counter that went back belongs to a worker that was replaced: it
// counts from zero.
#include "cli/top_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "cli/status_text.h"
#include "cli/table.h"
#include "cli/units.h"

namespace remuda::cli {
namespace {

using admin::Snapshot;
using apps::AppStatus;
using apps::InstanceStatus;
using enum Table::Align;

template <typename Count>
Count more_than(Count before, Count now) {
  return now >= before ? now - before : now;
}

// What an instance did meanwhile.
struct Use {
  double cpu = 0;       // of one core, percent
  double requests = 0;  // per second
};

class Comparison {
 public:
  Comparison(const Snapshot& before, loop::Duration between)
      : seconds_(std::max(0.001, std::chrono::duration<double>(between).count())) {
    for (const AppStatus& app : before.apps) {
      apps_[app.name] = &app;
      for (const InstanceStatus& its : app.instances) instances_[its.pid] = &its;
    }
  }

  double rate(uint64_t before, uint64_t now) const {
    return static_cast<double>(more_than(before, now)) / seconds_;
  }
  const AppStatus& before(const AppStatus& app) const {
    const auto found = apps_.find(app.name);
    return found == apps_.end() ? nothing_ : *found->second;
  }
  Use use_of(const InstanceStatus& its) const {
    const auto found = instances_.find(its.pid);
    const bool known = found != instances_.end();
    const auto cpu = more_than(known ? found->second->cpu : loop::Duration{}, its.cpu);
    return {.cpu = 100 * std::chrono::duration<double>(cpu).count() / seconds_,
            .requests = rate(known ? found->second->requests : 0, its.requests)};
  }

 private:
  double seconds_;
  AppStatus nothing_;
  std::map<std::string_view, const AppStatus*> apps_;
  std::map<pid_t, const InstanceStatus*> instances_;
};

std::string percent(double value) { return fmt::format("{:.1f}%", value); }

std::string head_line(const Comparison& comparison, const Snapshot& before, const Snapshot& now) {
  const admin::WorkerFigures was = total_of(before.workers);
  const admin::WorkerFigures is = total_of(now.workers);
  return fmt::format("remuda {}, up {}: {}, {} requests/s, {} 5xx/s, {}/s sent\n", base::escaped(now.version),
                     shown_age(is.uptime), counted(is.connections, "connection"),
                     shown_rate(comparison.rate(all_requests(was), all_requests(is))),
                     shown_rate(comparison.rate(was.requests[5], is.requests[5])),
                     shown_size(static_cast<uint64_t>(comparison.rate(was.bytes_sent, is.bytes_sent))));
}

// Rows in the order of what they used, by a table that knows no numbers.
template <typename Row>
void add_sorted(Table& table, std::vector<std::pair<double, Row>>& rows) {
  std::ranges::stable_sort(rows, std::greater(), [](const auto& row) { return row.first; });
  for (auto& [use, cells] : rows) table.row(std::move(cells));
}

// What is wrong with it: nobody reads a status line whose template has failed as "all is well".
std::string shown_trouble(const AppStatus& app) {
  if (!app.trouble.empty()) return app.trouble;
  for (const apps::TemplateStatus& its : app.templates) {
    const bool failed = its.state == apps::TemplateStatus::State::kFailed;
    if (failed && !its.lines.empty()) return "template: " + its.lines.front();
  }
  return {};
}

std::string apps_table(const Comparison& comparison, const Snapshot& now) {
  Table table({{"APP"},
               {"CPU", kRight},
               {"REQ/S", kRight},
               {"FAILED/S", kRight},
               {"LIVE", kRight},
               {"WAITING", kRight},
               {"DROPPED/S", kRight},
               {"PROCESSES", kRight},
               {"PSS", kRight},
               {"TROUBLE"}});
  std::vector<std::pair<double, std::vector<std::string>>> rows;
  for (const AppStatus& app : now.apps) {
    const AppStatus& was = comparison.before(app);
    double cpu = 0;
    uint64_t memory = 0;
    for (const InstanceStatus& its : app.instances) {
      cpu += comparison.use_of(its).cpu;
      memory += its.memory.proportional;
    }
    const double dropped =
        comparison.rate(dropped_count(was.queue.dropped), dropped_count(app.queue.dropped));
    rows.push_back({cpu,
                    {app.name, app.instances.empty() ? "-" : percent(cpu),
                     shown_rate(comparison.rate(was.requests, app.requests)),
                     shown_rate(comparison.rate(was.failures, app.failures)), std::to_string(app.live.size()),
                     fmt::format("{}/{}", app.queue.waiting, app.queue.bound), shown_rate(dropped),
                     std::to_string(app.instances.size()), shown_memory(memory), shown_trouble(app)}});
  }
  add_sorted(table, rows);
  return table.empty() ? "no applications\n" : table.text();
}

std::string instances_table(const Comparison& comparison, const Snapshot& now) {
  Table table({{"PID", kRight},
               {"APP"},
               {"STATE"},
               {"CPU", kRight},
               {"REQ/S", kRight},
               {"BUSY", kRight},
               {"PSS", kRight},
               {"AGE", kRight},
               {"NOW"}});
  std::vector<std::pair<double, std::vector<std::string>>> rows;
  for (const AppStatus& app : now.apps) {
    for (const InstanceStatus& its : app.instances) {
      const Use use = comparison.use_of(its);
      rows.push_back({use.cpu,
                      {std::to_string(its.pid), app.name, std::string(to_string(its.state)), percent(use.cpu),
                       shown_rate(use.requests), busy_text(its), shown_memory(its.memory.proportional),
                       shown_age(its.age), current_request(app, its.endpoint)}});
    }
  }
  add_sorted(table, rows);
  return table.empty() ? std::string() : "\n" + table.text();
}

std::string fitted(std::string_view text, ScreenSize size) {
  std::string result;
  for (size_t lines = 0; !text.empty() && lines < size.lines; ++lines) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    result += text.substr(0, std::min(end, size.columns));
    result += '\n';
    text.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace

std::string top_screen(const Snapshot& before, const Snapshot& now, loop::Duration between, ScreenSize size) {
  const Comparison comparison(before, between);
  return fitted(head_line(comparison, before, now) + "\n" + apps_table(comparison, now) +
                    instances_table(comparison, now),
                size);
}

}  // namespace remuda::cli
