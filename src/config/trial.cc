// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "config/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/cgroup.h"

namespace remuda::config {
namespace {

// In a child, which exits with errno; 0 when it worked.
template <class Attempt>
int error_of(Attempt attempt) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(attempt() ? 0 : errno);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

bool install_filter() {
  sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog program{1, &allow};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

bool give_up_privileges() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

// What is copied is attached nowhere.
bool make_view() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0) return false;
  const int tree = ::open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  mount_attr read_only{.attr_set = MOUNT_ATTR_RDONLY};
  return tree >= 0 &&
         ::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only) == 0;
}

std::optional<Obstacle> obstacle(int error, const char* what, const char* remedy) {
  if (error == 0) return std::nullopt;
  return Obstacle{fmt::format("{}: {}", what, std::strerror(error)), remedy};
}

std::optional<Obstacle> obstacle_to_controller(const char* controller) {
  const auto place = base::find_cgroup();
  if (!place)
    return Obstacle{base::to_string(place.error()), "mount it: mount -t cgroup2 none /sys/fs/cgroup"};
  if (!place->has_controller(controller)) {
    return Obstacle{
        fmt::format("the cgroup {}, where this runs, has no controller \"{}\"", place->directory, controller),
        "run it as a systemd service with Delegate=yes; where controllers are those of version 1, boot with "
        "cgroup_no_v1=all"};
  }
  if (place->is_writable()) return std::nullopt;
  return Obstacle{fmt::format("the cgroup {} cannot be written to", place->directory),
                  "Delegate=yes in the systemd service, or start as root"};
}

}  // namespace

std::optional<Obstacle> try_out(Means means) {
  constexpr const char* kRootsRights = "the server needs CAP_SYS_ADMIN, which containers take away";
  switch (means) {
    case Means::kFilter:
      return obstacle(error_of([] { return give_up_privileges() && install_filter(); }),
                      "this kernel filters no system calls", "it needs CONFIG_SECCOMP_FILTER");
    case Means::kFilterOfRoot:
      return obstacle(error_of(&install_filter), "a filter of system calls cannot be installed",
                      "no_new_privileges = true, or give the server CAP_SYS_ADMIN");
    case Means::kNamespaces:
      return obstacle(error_of(&make_view), "no file system of its own can be made for it",
                      fmt::format("{}, and Linux 5.12 or later", kRootsRights).c_str());
    case Means::kNetwork:
      return obstacle(error_of([] { return ::unshare(CLONE_NEWNET) == 0; }),
                      "no network of its own can be made for it", kRootsRights);
    case Means::kCgroupMemory: return obstacle_to_controller("memory");
    case Means::kCgroupProcesses: return obstacle_to_controller("pids");
    case Means::kCgroupCpu: return obstacle_to_controller("cpu");
  }
  return std::nullopt;
}

}  // namespace remuda::config
