// SPDX-License-Identifier: Apache-2.0
//
// TemplateControl: the control of an application whose processes are forked from templates: another control,
// and the templates beside it.
//
//     status()    what the other says, and the templates
//     restart()   the next generation is loaded; then, of a pool, the instances are replaced one by one. What
//                 does not load changes nothing: the generation before and all instances go on
//
// Where files that were loaded have changed, the spawner loads by itself, and here the instances follow.
// Home loop only.
#pragma once

#include <memory>

#include "apps/control.h"
#include "apps/templates.h"
#include "loop/event.h"
#include "loop/scope.h"

namespace remuda::apps {

struct TemplateOptions {
  uint32_t app = 0;                                         // its number in the spawner's table
  loop::Duration start_timeout = std::chrono::seconds(60);  // of one template
  enum class Instances : uint8_t { kNone, kFollow } instances = Instances::kNone;
};

class TemplateControl final : public Control {
 public:
  // All outlive it.
  TemplateControl(loop::Loop& home, Control& inner, Templates& templates, TemplateSpawner& spawner,
                  TemplateOptions options);

  // Until its scope is cancelled: has instances replaced when a generation has been loaded by itself.
  loop::Task<void> run();

  std::string_view name() const override { return inner_.name(); }
  loop::Task<AppStatus> status() override;
  loop::Task<RestartReport> restart() override;
  loop::Task<RestartReport> restart_too() override;
  base::Result<void> end_instance(pid_t pid) override { return inner_.end_instance(pid); }
  loop::Task<base::Result<void>> end_request(uint64_t request) override {
    return inner_.end_request(request);
  }
  base::Result<void> add_peer(std::string_view peer) override { return inner_.add_peer(peer); }
  base::Result<void> drain_peer(std::string_view address) override { return inner_.drain_peer(address); }
  base::Result<void> restore_peer(std::string_view address) override { return inner_.restore_peer(address); }
  base::Result<void> remove_peer(std::string_view address) override { return inner_.remove_peer(address); }

 private:
  bool has_instances() const { return options_.instances == TemplateOptions::Instances::kFollow; }
  RestartReport not_renewed(const std::string& trouble, std::string_view detail) const;

  loop::Loop& home_;
  Control& inner_;
  Templates& templates_;
  TemplateSpawner& spawner_;
  const TemplateOptions options_;
  loop::Event succeeded_;
  bool following_ = false;
  RestartReport followed_{.succeeded = true};  // how it went the last time
  bool follow_ = false;                        // instances are of a generation that serves no more
  uint32_t ordered_ = 0;  // restarts that are under way: they replace the instances themselves
};

}  // namespace remuda::apps
