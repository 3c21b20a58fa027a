// SPDX-License-Identifier: Apache-2.0
//
// Templates: what the home loop knows of the processes that others are forked from, by what the spawner says.
// Keeps it for status, writes it into the log, and tells whoever keeps instances that a new generation
// serves.
//
//     spawner --TemplateState, TemplateSaid--> SpawnerClient --> Templates --> log, AppStatus, on_successor
//
// The spawner alone decides when a template is loaded, replaced and ended; nothing here does. Home loop only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/status.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "spawner/protocol.h"

namespace remuda::apps {

// Gets what comes over a home channel.
class TemplateNews {
 public:
  virtual void heard(const spawner::TemplateState& state) = 0;
  virtual void said(uint32_t app, std::string_view line) = 0;

 protected:
  ~TemplateNews() = default;
};

// How the loading of the next generation went. `error` of errno; 0: it serves, or there was nothing to load.
struct Renewal {
  int error = 0;
  std::string detail;  // why not: several lines
};

// What is asked of the spawner: the home loop's SpawnerClient, or a test's.
class TemplateSpawner {
 public:
  // Ends when the next generation of each of the application's templates serves, or one of them has failed.
  // Fails with ECONNRESET (the spawner died meanwhile), ETIMEDOUT.
  virtual loop::Task<base::Result<Renewal>> renew(uint32_t app, loop::Time deadline) = 0;
  virtual loop::Task<base::Result<Memory>> measure_template(pid_t pid, loop::Time deadline) = 0;

 protected:
  ~TemplateSpawner() = default;
};

// Of the workers of a server one writes into the log what all of them hear.
enum class Speaks : uint8_t { kNo, kYes };

class Templates final : public TemplateNews {
 public:
  // `names` of the applications, by their numbers in the spawner's table.
  Templates(loop::Loop& loop, base::Log& log, Speaks speaks, std::vector<std::string> names);

  // Called when a generation serves that was loaded because something had changed, or by order.
  void on_successor(uint32_t app, std::function<void()> call);

  void heard(const spawner::TemplateState& state) override;
  void said(uint32_t app, std::string_view line) override;

  // What there is to say of an application's templates, measured by then as far as that was possible.
  loop::Task<void> describe(uint32_t app, TemplateSpawner& spawner, loop::Time deadline, AppStatus& status);

 private:
  using State = spawner::TemplateState::State;

  // One generation of one program's template.
  struct Generation {
    TemplateStatus status;
    loop::Time began{};
    bool succeeds = false;  // something that was loaded before has changed
  };
  struct App {
    std::string name;
    std::vector<Generation> generations;  // that run, and of each program the last that failed
    TemplateCounters counters;
    std::function<void()> on_successor;
  };

  Generation& generation_of(App& app, const spawner::TemplateState& state);
  void loading(App& app, const spawner::TemplateState& state);
  void ready(App& app, const spawner::TemplateState& state);
  void failed(App& app, const spawner::TemplateState& state);
  void ended(App& app, const spawner::TemplateState& state);
  bool serves(const App& app, std::string_view program) const;
  static std::string name_of(const App& app, const spawner::TemplateState& state);

  loop::Loop& loop_;
  base::Log& log_;
  const Speaks speaks_;
  const loop::Time since_;  // what was ready before is no news
  std::vector<App> apps_;
};

// The lines of a text; none for an empty one.
std::vector<std::string> lines_of(std::string_view text);

}  // namespace remuda::apps
