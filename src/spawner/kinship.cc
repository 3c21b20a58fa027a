// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/kinship.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>

namespace remuda::spawner {

namespace {

// As the kernel's <linux/pidfd.h> has it in its first version.
struct PidfdInfo {
  uint64_t mask = 0;
  uint64_t cgroup = 0;
  uint32_t pid = 0;
  uint32_t thread_group = 0;
  uint32_t parent = 0;
  std::array<uint32_t, 8> users_and_groups{};
  int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);
constexpr uint64_t kPidsOfInfo = 1;

std::string process_file(std::string_view pid, const char* name) {
  return std::string("/proc/").append(pid).append("/").append(name);
}

}  // namespace

// "pid (name) state parent group ...": the name may hold anything, a ")" above all.
Kinship kinship_of(pid_t pid) {
  const base::Fd file(open(process_file(std::to_string(pid), "stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  if (!file || read(file.get(), text.data(), text.size() - 1) <= 0) return {};
  const size_t name_end = std::string_view(text.data()).rfind(')');
  if (name_end == std::string_view::npos) return {};
  Kinship kin;
  char state = 0;
  if (std::sscanf(text.data() + name_end + 1, " %c %d %d", &state, &kin.parent, &kin.group) != 3) return {};
  return kin;
}

Kinship kinship_of(pid_t pid, const base::Fd& pidfd) {
  PidfdInfo info{.mask = kPidsOfInfo};
  if (ioctl(pidfd.get(), kPidfdGetInfo, &info) < 0) {
    return errno == ESRCH ? Kinship{} : kinship_of(pid);
  }
  const pid_t group = getpgid(pid);
  return group < 0 ? Kinship{} : Kinship{static_cast<pid_t>(info.parent), group};
}

std::string program_of(std::string_view pid) {
  std::array<char, PATH_MAX> name;
  const ssize_t length = readlink(process_file(pid, "exe").c_str(), name.data(), name.size());
  return length > 0 ? std::string(name.data(), static_cast<size_t>(length)) : std::string();
}

base::Fd open_pidfd(pid_t pid) { return base::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

bool is_there(const base::Fd& pidfd) {
  return pidfd && syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == 0;
}

bool has_ended(const base::Fd& pidfd) {
  pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return !pidfd || poll(&end, 1, 0) != 0;
}

void signal_group(pid_t leader, int number) {
  if (leader > 1) kill(-leader, number);
}

bool no_such_process(pid_t pid) { return kill(pid, 0) < 0 && errno == ESRCH; }

}  // namespace remuda::spawner
