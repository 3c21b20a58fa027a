// SPDX-License-Identifier: Apache-2.0
//
// FarmControl: what can be asked of an application of model `remote` from outside: its peers, its queue, its
// live requests; peers come and go, and what was ordered is kept for the worker after this one. On the home
// loop.
#pragma once

#include "apps/control.h"
#include "apps/remote/farm.h"

namespace remuda::apps::remote {

class FarmControl final : public Control {
 public:
  // Both outlive it.
  FarmControl(Farm& farm, loop::Loop& home) : farm_(farm), home_(home) {}

  std::string_view name() const override { return farm_.options().name; }
  loop::Task<AppStatus> status() override;
  loop::Task<RestartReport> restart() override;
  base::Result<void> end_instance(pid_t pid) override;
  loop::Task<base::Result<void>> end_request(uint64_t request) override;
  base::Result<void> add_peer(std::string_view peer) override;
  base::Result<void> drain_peer(std::string_view address) override;
  base::Result<void> restore_peer(std::string_view address) override;
  base::Result<void> remove_peer(std::string_view address) override;

 private:
  base::Result<void> kept(const base::Result<void>& done);

  Farm& farm_;
  loop::Loop& home_;
};

}  // namespace remuda::apps::remote
