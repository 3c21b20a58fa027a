// SPDX-License-Identifier: Apache-2.0
//
// RollingRestart: a new generation takes over, one instance after the other; each has to be healthy before
// the one that it replaces drains. If one is not, it goes, the rest stay as they are, and the report says
// why.
//
// Runs below Home's scope, whoever asked for it may leave. Home loop only.
#pragma once

#include <memory>

#include "apps/control.h"
#include "apps/pool/manager.h"

namespace remuda::apps::pool {

class RollingRestart {
 public:
  RollingRestart(Manager& manager, loop::Loop& loop) : manager_(manager), loop_(loop), ended_(loop) {}

  static loop::Task<void> run(std::shared_ptr<RollingRestart> self);
  bool has_ended() const { return has_ended_; }
  loop::Task<base::Result<void>> wait_ended();
  const RestartReport& report() const { return report_; }

 private:
  using Stage = InstanceKeeper::Stage;
  loop::Task<void> replace_all();
  bool is_old(const InstanceKeeper& keeper) const;
  Manager::Keeper next_old() const;
  // False: the report says why not.
  loop::Task<bool> wait_for(const Manager::Keeper& keeper);
  loop::Task<bool> replace(const Manager::Keeper& old);
  void tell_failure(const InstanceKeeper& keeper);
  bool is_anybody_ready() const;

  Manager& manager_;
  loop::Loop& loop_;
  uint32_t generation_ = 0;  // the new one
  loop::Event ended_;
  bool has_ended_ = false;
  RestartReport report_;
};

}  // namespace remuda::apps::pool
