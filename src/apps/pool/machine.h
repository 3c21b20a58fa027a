// SPDX-License-Identifier: Apache-2.0
//
// Machine: what this machine, or the cgroup that the worker is in, has to give. Reads small files of the
// kernel's own, which never wait for a disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remuda::apps::pool {

struct Machine {
  uint32_t cores = 1;          // that this process may run on
  uint64_t available = 0;      // bytes: MemAvailable, or what is left below the cgroup's limit
  std::string available_from;  // "the machine's" or "the cgroup's"
};

Machine look_at_machine();

// The parts that read text. Bytes; nothing if it is not there, or "max".
std::optional<uint64_t> available_of_meminfo(std::string_view meminfo);
std::optional<uint64_t> read_limit(std::string_view text);
// The process's own cgroup below the hierarchy: "/system.slice/remuda.service" of /proc/self/cgroup.
std::optional<std::string> own_cgroup(std::string_view proc_self_cgroup, std::string_view controller);

}  // namespace remuda::apps::pool
