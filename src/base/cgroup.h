// SPDX-License-Identifier: Apache-2.0
//
// CgroupPlace: where in the cgroup hierarchy of version 2 this process stands, and below which it may make
// groups, cgroups(7). Looks only, changes nothing. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace remuda::base {

struct CgroupPlace {
  // Of who was in `directory` before groups below it had limits: the kernel wants nobody beside such groups.
  static constexpr std::string_view kServerLeaf = "remuda-server";

  // Of who prepares the start of a service of systemd, which has the same group.
  static constexpr std::string_view kSystemdLeaf = ".control";

  std::string directory;  // absolute, in the file system; without either at its end

  bool has_controller(std::string_view name) const;
  bool is_writable() const;
};

// Named by /proc/self/cgroup and mounted as /proc/self/mountinfo says; tests have another /proc.
Result<CgroupPlace> find_cgroup(const std::string& proc = "/proc");

}  // namespace remuda::base
