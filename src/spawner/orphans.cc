// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/orphans.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <string>
#include <string_view>

namespace remuda::spawner {

namespace {

struct Kinship {
  pid_t parent = 0;
  pid_t group = 0;
};

std::string process_file(std::string_view pid, const char* name) {
  return std::string("/proc/").append(pid).append("/").append(name);
}

// "pid (name) state parent group ...": the name may hold anything, a ")" above all.
Kinship kinship_of(std::string_view pid) {
  const base::Fd file(open(process_file(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  if (!file || read(file.get(), text.data(), text.size() - 1) <= 0) return {};
  const size_t name_end = std::string_view(text.data()).rfind(')');
  if (name_end == std::string_view::npos) return {};
  Kinship kin;
  char state = 0;
  if (std::sscanf(text.data() + name_end + 1, " %c %d %d", &state, &kin.parent, &kin.group) != 3) return {};
  return kin;
}

std::string program_of(std::string_view pid) {
  std::array<char, PATH_MAX> name;
  const ssize_t length = readlink(process_file(pid, "exe").c_str(), name.data(), name.size());
  return length > 0 ? std::string(name.data(), static_cast<size_t>(length)) : std::string();
}

}  // namespace

bool Orphans::supervisor_lives() const { return supervisor_ > 1 && getppid() == supervisor_; }

bool Orphans::is_orphan(pid_t pid) const {
  const std::string text = std::to_string(pid);
  const Kinship kin = kinship_of(text);
  if (kin.group != pid || kin.parent != supervisor_ || !supervisor_lives()) return false;
  return program_of(text) != program_of("self");
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

base::Fd open_pidfd(pid_t pid) { return base::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

bool is_there(const base::Fd& pidfd) {
  return pidfd && syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == 0;
}

void signal_group(pid_t leader, int number) {
  if (leader > 1) kill(-leader, number);
}

bool no_such_process(pid_t pid) { return kill(pid, 0) < 0 && errno == ESRCH; }

}  // namespace remuda::spawner
