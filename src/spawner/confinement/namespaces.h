// SPDX-License-Identifier: Apache-2.0
//
// Namespaces: the mount, IPC and network namespaces of one application, which all its processes share. Made
// once, by a process that builds them and ends; held by descriptors, so that they are there as long as the
// spawner or a process in them is. Spawner's process only.
#pragma once

#include <array>
#include <expected>

#include "base/fd.h"
#include "spawner/confinement/failure.h"
#include "spawner/confinement/rules.h"

namespace remuda::spawner {

class Namespaces {
 public:
  // Those that the rules ask for.
  static std::expected<Namespaces, ConfinementFailure> make(const ConfinementRules& rules);

  // For setns(2), in this order; -1: none. The last one moves who enters it to its root directory.
  std::array<int, 3> descriptors() const { return {network_.get(), ipc_.get(), mounts_.get()}; }

 private:
  Namespaces() = default;

  base::Fd network_;
  base::Fd ipc_;
  base::Fd mounts_;
};

}  // namespace remuda::spawner
