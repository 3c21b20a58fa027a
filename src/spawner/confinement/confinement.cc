// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/confinement/confinement.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "spawner/confinement/system_calls.h"

namespace remuda::spawner {

bool enter_cgroup(const Walls& walls) { return walls.cgroup < 0 || write(walls.cgroup, "0", 1) == 1; }

bool enter_namespaces(const Walls& walls) {
  for (const int each : walls.namespaces) {
    if (each >= 0 && setns(each, 0) < 0) return false;
  }
  return true;
}

bool install_filter(const Walls& walls) {
  return walls.filter.len == 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &walls.filter) == 0;
}

Confinement::Confinement(const ConfinementRules& rules, std::string name)
    : rules_(rules), name_(std::move(name)) {}

bool Confinement::is_any() const {
  return rules_.filter != Filter::kNone || rules_.files != FileView::kWhole ||
         rules_.network != NetworkView::kWhole || !rules_.cgroup.empty();
}

std::expected<const Walls*, ConfinementFailure> Confinement::walls() {
  if (!is_any()) return nullptr;
  for (const auto make :
       {&Confinement::make_filter_once, &Confinement::make_namespaces_once, &Confinement::make_cgroup_once}) {
    if (const auto made = (this->*make)(); !made) return std::unexpected(made.error());
  }
  return &walls_;
}

std::expected<void, ConfinementFailure> Confinement::make_filter_once() {
  if (rules_.filter == Filter::kNone || !filter_.empty()) return {};
  auto made = make_filter();
  if (!made) return std::unexpected(ConfinementFailure{made.error().code, made.error().what});
  filter_ = std::move(*made);
  walls_.filter = {static_cast<unsigned short>(filter_.size()), filter_.data()};
  return {};
}

std::expected<void, ConfinementFailure> Confinement::make_namespaces_once() {
  if ((rules_.files == FileView::kWhole && rules_.network == NetworkView::kWhole) || namespaces_) return {};
  auto made = Namespaces::make(rules_);
  if (!made) return std::unexpected(made.error());
  namespaces_ = std::move(*made);
  walls_.namespaces = namespaces_->descriptors();
  return {};
}

// The spawner's parent is its supervisor.
std::expected<void, ConfinementFailure> Confinement::make_cgroup_once() {
  if (rules_.cgroup.empty() || cgroup_) return {};
  const auto place = base::find_cgroup();
  if (!place) return std::unexpected(ConfinementFailure{place.error().code, place.error().what});
  auto made = Cgroup::make(*place, getppid(), name_, rules_.cgroup);
  if (!made) return std::unexpected(made.error());
  cgroup_ = std::move(*made);
  walls_.cgroup = cgroup_->entrance();
  return {};
}

}  // namespace remuda::spawner
