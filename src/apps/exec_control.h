// SPDX-License-Identifier: Apache-2.0
//
// ExecControl: what can be asked of an application of model `exec` or `fork` from outside: its queue, its
// live requests, and the end of one. On the home loop.
#pragma once

#include "apps/control.h"
#include "apps/exec.h"

namespace remuda::apps {

class ExecControl final : public Control {
 public:
  // Both outlive it.
  ExecControl(loop::Loop& home, ExecApp& app) : home_(home), app_(app) {}

  std::string_view name() const override { return app_.options.name; }
  loop::Task<AppStatus> status() override;
  loop::Task<RestartReport> restart() override;
  base::Result<void> end_instance(pid_t pid) override;
  loop::Task<base::Result<void>> end_request(uint64_t request) override;
  base::Result<void> add_peer(std::string_view peer) override;
  base::Result<void> drain_peer(std::string_view address) override;
  base::Result<void> restore_peer(std::string_view address) override;
  base::Result<void> remove_peer(std::string_view address) override;

 private:
  loop::Loop& home_;
  ExecApp& app_;
};

}  // namespace remuda::apps
