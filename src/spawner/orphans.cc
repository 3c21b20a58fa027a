// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/orphans.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace remuda::spawner {

bool Orphans::supervisor_lives() const { return supervisor_ > 1 && getppid() == supervisor_; }

bool Orphans::is_orphan(pid_t pid) const {
  const Kinship kin = kinship_of(pid);
  if (kin.group != pid || kin.parent != supervisor_ || !supervisor_lives()) return false;
  return program_of(std::to_string(pid)) != program_of("self");
}

std::vector<pid_t> Orphans::find() const {
  std::vector<pid_t> found;
  DIR* const processes = supervisor_lives() ? opendir("/proc") : nullptr;
  if (processes == nullptr) return found;
  while (const dirent* const entry = readdir(processes)) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size() && is_orphan(pid)) found.push_back(pid);
  }
  closedir(processes);
  return found;
}

// The pidfd is opened first and the look repeated: then it is that process which the descriptor means.
void Orphans::remember() {
  for (const pid_t pid : find()) {
    base::Fd pidfd = open_pidfd(pid);
    if (pidfd && is_orphan(pid)) remembered_.push_back({pid, std::move(pidfd)});
  }
}

std::vector<pid_t> Orphans::all() const {
  std::vector<pid_t> result = find();
  for (const Remembered& each : remembered_) {
    if (is_there(each.pidfd) && std::ranges::find(result, each.pid) == result.end())
      result.push_back(each.pid);
  }
  return result;
}

}  // namespace remuda::spawner
