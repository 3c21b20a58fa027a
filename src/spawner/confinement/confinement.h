// SPDX-License-Identifier: Apache-2.0
//
// Confinement: everything that keeps one application's processes apart, made when the first of them starts
// and kept for the others. What cannot be made fails the start; after a second the next one tries again.
//
// Spawner's process only. Walls are what a new process goes through between clone and exec, in the spawner's
// memory: it makes system calls with them and writes nothing.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "spawner/confinement/failure.h"
#include "spawner/confinement/namespaces.h"
#include "spawner/confinement/rules.h"

namespace remuda::spawner {

struct Walls {
  int cgroup = -1;  // its cgroup.procs
  std::array<int, 3> namespaces{-1, -1, -1};
  sock_fprog filter{};  // of no length: none
};

// Each false with errno.
bool enter_cgroup(const Walls& walls);
bool enter_namespaces(const Walls& walls);
bool install_filter(const Walls& walls);

class Confinement {
 public:
  // Of the application `name`, in the spawner that the caller is.
  Confinement(const ConfinementRules& rules, std::string name);
  ~Confinement();
  Confinement(const Confinement&) = delete;
  Confinement& operator=(const Confinement&) = delete;

  // Null if nothing is asked for; valid as long as this is.
  std::expected<const Walls*, ConfinementFailure> walls();

 private:
  using Outcome = std::expected<void, ConfinementFailure>;

  bool is_any() const;
  Outcome make();
  Outcome make_filter_once();
  Outcome make_namespaces_once();
  Outcome make_cgroup_once();

  const ConfinementRules& rules_;
  std::string name_;
  pid_t supervisor_;
  std::vector<sock_filter> filter_;
  std::optional<Namespaces> namespaces_;
  base::Fd cgroup_;
  Walls walls_;
  ConfinementFailure failure_;  // the last one; is said again until retry_at_
  int64_t retry_at_ = 0;
};

}  // namespace remuda::spawner
