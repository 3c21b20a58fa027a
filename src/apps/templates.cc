// SPDX-License-Identifier: Apache-2.0
//
// See the header. Of each program there is at most one generation that serves and one that is being loaded or
// has failed to be.
#include "apps/templates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace remuda::apps {

namespace {

loop::Time time_of(int64_t monotonic_ns) { return loop::Time(std::chrono::nanoseconds(monotonic_ns)); }

// How a failure begins that is no mistake: what is run is run as it was before there were templates.
bool is_by_nature(std::string_view detail) {
  return detail.starts_with("runs under exec") || detail.starts_with("is loaded by each instance");
}

// What it wrote has been logged line by line, as it came.
std::vector<std::string> without_output(std::vector<std::string> lines) {
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("| "); });
  return lines;
}

}  // namespace

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

Templates::Templates(loop::Loop& loop, base::Log& log, Speaks speaks, std::vector<std::string> names)
    : loop_(loop), log_(log), speaks_(speaks), since_(loop.now()) {
  for (std::string& name : names) apps_.push_back({std::move(name), {}, {}, {}});
}

void Templates::on_successor(uint32_t app, std::function<void()> call) {
  apps_.at(app).on_successor = std::move(call);
}

void Templates::heard(const spawner::TemplateState& state) {
  if (state.app >= apps_.size()) return;
  App& app = apps_[state.app];
  switch (state.state) {
    case State::kLoading: return loading(app, state);
    case State::kReady: return ready(app, state);
    case State::kFailed: return failed(app, state);
    case State::kEnded: return ended(app, state);
  }
}

void Templates::said(uint32_t app, std::string_view line) {
  if (app >= apps_.size() || speaks_ == Speaks::kNo) return;
  log_.warning("app {}: template: {}", apps_[app].name, line);
}

// What has failed is forgotten when the next is tried.
Templates::Generation& Templates::generation_of(App& app, const spawner::TemplateState& state) {
  std::erase_if(app.generations, [&](const Generation& each) {
    return each.status.program == state.program && each.status.generation != state.generation &&
           each.status.state == TemplateStatus::State::kFailed;
  });
  auto found = std::ranges::find_if(app.generations, [&](const Generation& each) {
    return each.status.program == state.program && each.status.generation == state.generation;
  });
  if (found == app.generations.end()) {
    app.generations.emplace_back();
    found = app.generations.end() - 1;
    found->status.program = state.program;
    found->status.generation = state.generation;
  }
  found->status.pid = state.pid;
  found->began = state.began == 0 ? loop_.now() : time_of(state.began);
  found->status.lines = lines_of(state.detail);
  return *found;
}

void Templates::loading(App& app, const spawner::TemplateState& state) {
  Generation& its = generation_of(app, state);
  its.status.state = TemplateStatus::State::kLoading;
  its.succeeds = its.succeeds || !state.detail.empty();
  if (speaks_ == Speaks::kNo) return;
  log_.info("app {}: {} is loading{}{}", app.name, name_of(app, state), state.detail.empty() ? "" : ": ",
            state.detail);
}

void Templates::ready(App& app, const spawner::TemplateState& state) {
  Generation& its = generation_of(app, state);
  const bool is_news = its.status.state != TemplateStatus::State::kReady && time_of(state.ready) >= since_;
  its.status.state = TemplateStatus::State::kReady;
  its.status.loaded_in = time_of(state.ready) - its.began;
  std::erase_if(app.generations, [&](const Generation& each) {
    return each.status.program == state.program && each.status.generation < state.generation;
  });
  if (!is_news) return;
  ++app.counters.loads;
  const Generation& kept = generation_of(app, state);
  app.counters.loading += kept.status.loaded_in;
  if (speaks_ == Speaks::kYes) {
    log_.info("app {}: {} (pid {}) ready after {:.1f} ms", app.name, name_of(app, state), state.pid,
              std::chrono::duration<double, std::milli>(kept.status.loaded_in).count());
    if (!kept.status.lines.empty())
      log_.debug("app {}: {} has loaded\n{}", app.name, name_of(app, state), state.detail);
  }
  if (kept.succeeds && app.on_successor) app.on_successor();
}

void Templates::failed(App& app, const spawner::TemplateState& state) {
  Generation& its = generation_of(app, state);
  its.status.state = TemplateStatus::State::kFailed;
  its.status.pid = 0;
  const bool by_nature = is_by_nature(state.detail);
  if (!by_nature) ++app.counters.failures;
  if (speaks_ == Speaks::kNo) return;
  if (by_nature) {
    log_.warning("app {}{}{}: {}", app.name, state.program.empty() ? "" : ": ", state.program, state.detail);
  } else {
    log_.error("app {}: {} did not load: {}{}", app.name, name_of(app, state),
               fmt::join(without_output(its.status.lines), "\n"),
               serves(app, state.program) ? "\nthe generation before goes on" : "");
  }
}

void Templates::ended(App& app, const spawner::TemplateState& state) {
  std::erase_if(app.generations, [&](const Generation& each) {
    return each.status.program == state.program && each.status.generation == state.generation;
  });
  if (speaks_ == Speaks::kNo) return;
  log_.debug("app {}: {} has ended{}{}", app.name, name_of(app, state), state.detail.empty() ? "" : ": ",
             state.detail);
}

bool Templates::serves(const App& app, std::string_view program) const {
  return std::ranges::any_of(app.generations, [&](const Generation& each) {
    return each.status.program == program && each.status.state == TemplateStatus::State::kReady;
  });
}

std::string Templates::name_of(const App&, const spawner::TemplateState& state) {
  return fmt::format("template generation {}{}{}", state.generation, state.program.empty() ? "" : " of ",
                     state.program);
}

loop::Task<void> Templates::describe(uint32_t app, TemplateSpawner& spawner, loop::Time deadline,
                                     AppStatus& status) {
  status.template_counters = apps_.at(app).counters;
  const loop::Time now = loop_.now();
  for (const Generation& each : apps_[app].generations) {
    status.templates.push_back(each.status);
    status.templates.back().age = now - each.began;
  }
  for (TemplateStatus& each : status.templates) {  // a copy: what it is made of may go meanwhile
    if (each.pid == 0) continue;
    const auto memory = co_await spawner.measure_template(each.pid, deadline);
    if (memory) each.memory = *memory;
  }
}

}  // namespace remuda::apps
