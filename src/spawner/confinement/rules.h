// SPDX-License-Identifier: Apache-2.0
//
// ConfinementRules: how the processes of one application are kept apart from everything else, as the
// configuration has it. Constant data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace remuda::spawner {

enum class Filter : uint8_t { kNone, kSystemCalls };  // system_calls.h
enum class FileView : uint8_t { kWhole, kOwn };       // view.h
enum class NetworkView : uint8_t { kWhole, kLoopback, kNone };

// What an application with a view of its own sees of the file system. Paths are absolute; those of `shown`
// and `writable` exist.
struct ViewRules {
  std::vector<std::string> shown;     // wherever they lie
  std::vector<std::string> writable;  // likewise; all else is not
  std::vector<std::string> hidden;    // as far as it is there
  uint64_t private_bytes = 0;         // of each of /tmp, /var/tmp and /dev/shm
};

// 0: no limit.
struct CgroupRules {
  uint64_t memory = 0;     // bytes
  uint32_t processes = 0;  // and threads
  uint32_t cpu = 0;        // percent of one core

  bool empty() const { return memory == 0 && processes == 0 && cpu == 0; }
};

struct ConfinementRules {
  Filter filter = Filter::kNone;
  FileView files = FileView::kWhole;
  NetworkView network = NetworkView::kWhole;
  ViewRules view;
  CgroupRules cgroup;
};

}  // namespace remuda::spawner
