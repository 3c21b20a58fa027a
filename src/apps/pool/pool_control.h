// SPDX-License-Identifier: Apache-2.0
//
// PoolControl: what can be asked of one group from outside. Home loop only.
#pragma once

#include <memory>

#include "apps/control.h"
#include "apps/pool/manager.h"
#include "apps/pool/rolling_restart.h"

namespace remuda::apps::pool {

class PoolControl final : public Control {
 public:
  // Both outlive it.
  PoolControl(KeeperTools& tools, Manager& manager) : tools_(tools), manager_(manager) {}

  std::string_view name() const override { return manager_.group().options().name; }
  loop::Task<AppStatus> status() override;
  // Whoever asks while one is under way waits for that one.
  loop::Task<RestartReport> restart() override;
  base::Result<void> end_instance(pid_t pid) override;
  loop::Task<base::Result<void>> end_request(uint64_t request) override;
  base::Result<void> add_peer(std::string_view peer) override;
  base::Result<void> drain_peer(std::string_view address) override;
  base::Result<void> restore_peer(std::string_view address) override;
  base::Result<void> remove_peer(std::string_view address) override;

 private:
  InstanceStatus status_of(const InstanceKeeper& keeper, loop::Time now) const;

  KeeperTools& tools_;
  Manager& manager_;
  std::shared_ptr<RollingRestart> restart_;
};

}  // namespace remuda::apps::pool
