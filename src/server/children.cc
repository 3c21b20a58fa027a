// SPDX-License-Identifier: Apache-2.0
//
// fork, and the look for adopted children in /proc.
#include "server/children.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "server/process.h"

namespace remuda::server {

base::Result<pid_t> fork_child(const char* title, std::span<const int> keep,
                               const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return base::failure_from_errno("fork");
  if (child > 0) return child;
  close_all_but(keep);
  leave_signals_to_the_supervisor();
  set_title(title);
  ::_exit(body());
}

std::string describe_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return fmt::format("signal {} ({})", WTERMSIG(wait_status), ::strsignal(WTERMSIG(wait_status)));
  }
  return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

void kill_adopted() {
  std::ifstream children(fmt::format("/proc/self/task/{}/children", ::getpid()));
  for (pid_t child = 0; children >> child;) {
    if (::getpgid(child) == child) ::kill(-child, SIGKILL);
    ::kill(child, SIGKILL);
  }
}

}  // namespace remuda::server
