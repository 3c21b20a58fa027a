// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/confinement/confinement.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "spawner/clock.h"
#include "spawner/confinement/cgroup.h"
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

// The spawner's parent is its supervisor; at the end it may be gone.
Confinement::Confinement(const ConfinementRules& rules, std::string name)
    : rules_(rules), name_(std::move(name)), supervisor_(getppid()) {}

// Also one that a spawner before has made.
Confinement::~Confinement() {
  if (rules_.cgroup.empty()) return;
  if (const auto place = base::find_cgroup()) remove_cgroup({*place, supervisor_, name_});
}

bool Confinement::is_any() const {
  return rules_.filter != Filter::kNone || rules_.files != FileView::kWhole ||
         rules_.network != NetworkView::kWhole || !rules_.cgroup.empty();
}

std::expected<const Walls*, ConfinementFailure> Confinement::walls() {
  if (!is_any()) return nullptr;
  if (retry_at_ != 0 && now_ns() < retry_at_) return std::unexpected(failure_);
  if (const Outcome made = make(); !made) {
    failure_ = made.error();
    retry_at_ = now_ns() + kSecond;
    return std::unexpected(failure_);
  }
  retry_at_ = 0;
  return &walls_;
}

Confinement::Outcome Confinement::make() {
  Outcome made = make_filter_once();
  if (made) made = make_namespaces_once();
  if (made) made = make_cgroup_once();
  return made;
}

Confinement::Outcome Confinement::make_filter_once() {
  if (rules_.filter == Filter::kNone || !filter_.empty()) return {};
  auto made = make_filter();
  if (!made) return std::unexpected(ConfinementFailure{made.error().code, made.error().what});
  filter_ = std::move(*made);
  walls_.filter = {static_cast<unsigned short>(filter_.size()), filter_.data()};
  return {};
}

Confinement::Outcome Confinement::make_namespaces_once() {
  if ((rules_.files == FileView::kWhole && rules_.network == NetworkView::kWhole) || namespaces_) return {};
  auto made = Namespaces::make(rules_);
  if (!made) return std::unexpected(made.error());
  namespaces_ = std::move(*made);
  walls_.namespaces = namespaces_->descriptors();
  return {};
}

Confinement::Outcome Confinement::make_cgroup_once() {
  if (rules_.cgroup.empty() || cgroup_) return {};
  const auto place = base::find_cgroup();
  if (!place) return std::unexpected(ConfinementFailure{place.error().code, place.error().what});
  auto made = make_cgroup({*place, supervisor_, name_}, rules_.cgroup);
  if (!made) return std::unexpected(made.error());
  cgroup_ = std::move(*made);
  walls_.cgroup = cgroup_.get();
  return {};
}

}  // namespace remuda::spawner
