// SPDX-License-Identifier: Apache-2.0
//
// See the header. Identities are changed with the bare system calls: the library's wrappers would reach for
// threads that the child, which shares the spawner's memory, must not touch.
#include "spawner/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace remuda::spawner {

namespace {

struct Attempt {
  const Launch* launch = nullptr;
  const Walls* walls = nullptr;
  pid_t spawner = 0;
  Step step = Step::kGroup;
  int error = 0;
};

// The thread sanitizer keeps a state for each thread that a child in the same memory would ruin: there, it
// gets a copy.
#if defined(__has_feature) && __has_feature(thread_sanitizer)
constexpr int kShareMemory = 0;
#else
constexpr int kShareMemory = CLONE_VM;
#endif

bool set_limit(__rlimit_resource resource, const std::optional<uint64_t>& value) {
  if (!value) return true;
  const rlimit limit{*value, *value};
  return setrlimit(resource, &limit) == 0;
}

// The spawner itself may have many descriptors open. Programs get the usual soft limit: many of them walk
// through all numbers up to it.
bool set_usual_open_files() {
  static const rlimit inherited = [] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
  }();
  const rlimit usual{std::min<rlim_t>(inherited.rlim_cur, 1024), inherited.rlim_max};
  return usual.rlim_cur == inherited.rlim_cur || setrlimit(RLIMIT_NOFILE, &usual) == 0;
}

bool set_limits(const ResourceLimits& limits) {
  if (!limits.open_files && !set_usual_open_files()) return false;
  return set_limit(RLIMIT_NOFILE, limits.open_files) && set_limit(RLIMIT_AS, limits.address_space) &&
         set_limit(RLIMIT_CPU, limits.cpu_seconds) && set_limit(RLIMIT_NPROC, limits.processes) &&
         set_limit(RLIMIT_FSIZE, limits.file_size) && set_limit(RLIMIT_CORE, limits.core_size);
}

// A hint that no program depends on: where a sandbox denies it, things are as they were.
void set_scheduling(Scheduling scheduling) {
  if (scheduling == Scheduling::kNormal) return;
  const sched_param usual{};
  sched_setscheduler(0, SCHED_BATCH, &usual);
}

// nice(2) may return -1 for a good niceness.
bool add_niceness(int niceness) {
  errno = 0;
  return niceness == 0 || nice(niceness) != -1 || errno == 0;
}

bool set_groups(const Identity& identity) {
  return syscall(SYS_setgroups, identity.supplementary.size(), identity.supplementary.data()) == 0 &&
         syscall(SYS_setresgid, identity.group, identity.group, identity.group) == 0;
}

bool set_user(const Identity& identity) {
  return syscall(SYS_setresuid, identity.user, identity.user, identity.user) == 0;
}

bool set_descriptors(const std::array<int, 3>& descriptors, int channel) {
  for (int i = 0; i < 3; ++i) {
    if (descriptors[static_cast<size_t>(i)] != i && dup2(descriptors[static_cast<size_t>(i)], i) < 0)
      return false;
  }
  if (channel < 0) return close_range(3, ~0U, 0) == 0;
  const bool there = channel == 3 ? fcntl(channel, F_SETFD, 0) == 0 : dup2(channel, 3) == 3;
  return there && close_range(4, ~0U, 0) == 0;
}

// After the identity, whose change forgets it. Forks do not have it.
bool end_with(pid_t spawner) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return false;
  if (getppid() == spawner) return true;
  errno = ESRCH;
  return false;
}

// While its descriptors are there, and the rights to use them.
bool enter(Attempt& attempt) {
  attempt.step = Step::kConfine;
  return enter_cgroup(*attempt.walls) && enter_namespaces(*attempt.walls);
}

// Who has given up new privileges needs no right for it; root's is gone with the identity.
bool filter(Attempt& attempt, Privileges now) {
  if (attempt.walls == nullptr || attempt.launch->rules->privileges != now) return true;
  attempt.step = Step::kFilter;
  return install_filter(*attempt.walls);
}

// Everything that happens in the child, in this order; false at the step that failed.
bool become(Attempt& attempt) {
  const Launch& launch = *attempt.launch;
  const AppRules& rules = *launch.rules;
  if (attempt.walls != nullptr && !enter(attempt)) return false;
  attempt.step = Step::kGroup;
  if (setpgid(0, 0) < 0) return false;
  attempt.step = Step::kDescriptors;
  if (!set_descriptors(launch.descriptors, launch.channel)) return false;
  umask(rules.umask);
  set_scheduling(rules.scheduling);
  attempt.step = Step::kLimits;
  if (!set_limits(rules.limits) || !add_niceness(rules.niceness)) return false;
  if (!filter(attempt, Privileges::kMayGain)) return false;
  if (rules.identity) {
    attempt.step = Step::kGroups;
    if (!set_groups(*rules.identity)) return false;
    attempt.step = Step::kUser;
    if (!set_user(*rules.identity)) return false;
  }
  attempt.step = Step::kPrivileges;
  if (rules.privileges == Privileges::kNoNew && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return false;
  if (!filter(attempt, Privileges::kNoNew)) return false;
  if (launch.channel >= 0 && !end_with(attempt.spawner)) return false;
  attempt.step = Step::kDirectory;
  if (chdir(launch.directory) < 0) return false;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  attempt.step = Step::kExec;
  execve(launch.path, launch.arguments, launch.environment);
  return false;
}

// Not instrumented by sanitizers: they would take its stack for a stray one.
__attribute__((no_sanitize("address", "thread", "undefined"))) int child(void* pointer) {
  auto& attempt = *static_cast<Attempt*>(pointer);
  become(attempt);
  attempt.error = errno;
  syscall(SYS_exit_group, 127);  // nothing of the spawner's is flushed
  __builtin_unreachable();
}

// What the child needs, made once: a stack, with a page below it that faults instead of corrupting the
// spawner, and above it the attempt, which both sides see whether they share all memory or not.
struct ChildMemory {
  char* stack_top = nullptr;
  Attempt* attempt = nullptr;
};

ChildMemory make_child_memory() {
  constexpr size_t kSize = 128 * 1024;
  constexpr size_t kPage = 4096;
  void* const low = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (low == MAP_FAILED) return {};
  mprotect(low, kPage, PROT_NONE);
  char* const top = static_cast<char*>(low) + kSize - kPage;
  return {top, new (top) Attempt};
}

}  // namespace

Launched launch(const Launch& launch) {
  static const ChildMemory memory = make_child_memory();
  if (memory.attempt == nullptr) return {-1, ENOMEM, Step::kProcess, {}};
  const auto walls = launch.confinement != nullptr ? launch.confinement->walls() : nullptr;
  if (!walls) return {-1, walls.error().error, Step::kConfine, walls.error().what};
  Attempt& attempt = *memory.attempt;
  attempt = {.launch = &launch, .walls = *walls, .spawner = getpid()};
  const int pid =
      clone(&child, memory.stack_top, kShareMemory | CLONE_VFORK | SIGCHLD, static_cast<void*>(&attempt));
  if (pid < 0) return {-1, errno, Step::kProcess, {}};
  if (attempt.error == 0) return {pid, 0, Step::kNone, {}};
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {-1, attempt.error, attempt.step, {}};
}

}  // namespace remuda::spawner
