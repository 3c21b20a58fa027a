// SPDX-License-Identifier: Apache-2.0
//
// Descriptors, signals, identity.
#include "server/process.h"

#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace remuda::server {

void close_all_but(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::ranges::sort(kept);
  unsigned first = 3;
  for (const int number : kept) {
    if (number < static_cast<int>(first)) continue;
    const auto kept_number = static_cast<unsigned>(number);
    if (kept_number > first) ::close_range(first, kept_number - 1, 0);
    first = kept_number + 1;
  }
  ::close_range(first, ~0U, 0);
}

void leave_signals_to_the_supervisor() {
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2})
    ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

base::Result<void> become(const config::Identity& identity, const std::string& user_name) {
  const int groups =
      user_name.empty() ? ::setgroups(1, &identity.group) : ::initgroups(user_name.c_str(), identity.group);
  if (groups < 0) return base::failure_from_errno("set supplementary groups");
  if (::setresgid(identity.group, identity.group, identity.group) < 0)
    return base::failure_from_errno("set group");
  if (::setresuid(identity.user, identity.user, identity.user) < 0)
    return base::failure_from_errno("set user");
  if (identity.user != 0 && ::setuid(0) == 0) return base::failure(EPERM, "give up root for good");
  return {};
}

uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

void set_title(const char* title) { ::prctl(PR_SET_NAME, title); }

}  // namespace remuda::server
