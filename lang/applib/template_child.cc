// SPDX-License-Identifier: Apache-2.0
//
// See template.h: what a fork does to be a process of its own. Each system call here is paid by each request
// of model "fork".
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "template.h"

extern "C" char** environ;

namespace remuda::app {

int Template::child() {
  if (is_mine() || state_ != State::kForking || getppid() != owner_) return EPERM;
  owner_ = getpid();
  int error = settle();
  if (error != 0) return error;
  const uint64_t id = fork_.id;
  promise_->id = 0;  // first: nobody is to hear both Forked and Refused
  TemplateRecord record(TemplateKind::kForked);
  error = send(record.put(id));
  close_own();
  return error;
}

// 0, or the error, which the template finds in the promise.
int Template::settle() {
  const auto failed = [this](const char* at) {
    promise_->error = errno;
    strncpy(promise_->failed_at, at, sizeof(promise_->failed_at) - 1);
    return promise_->error;
  };
  if (setpgid(0, 0) != 0) return failed("process group");
  if (put_descriptors() != 0) return failed("descriptors");
  if (fork_.directory != nullptr && chdir(fork_.directory) != 0) return failed("directory");
  if (set_environment() != 0) return failed("environment");
  const bool as_it_was = on_child_.sa_handler == SIG_DFL && expected_threads_ == 0;
  if (!as_it_was && sigaction(SIGCHLD, &on_child_, nullptr) != 0) return failed("signals");
  if (sigprocmask(SIG_SETMASK, &mask_, nullptr) != 0) return failed("signals");
  return 0;
}

int Template::put_descriptors() {
  for (int& fd : descriptors_) {  // where the template had none of 0, 1 and 2
    const int other = fd > 2 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (other < 0) return -1;
    fd = other;
  }
  for (int i = 0; i < 3; ++i) {
    if (dup2(descriptors_[i], i) < 0) return -1;
  }
  return 0;
}

// The strings stay in the packet, which is this process's own now.
int Template::set_environment() {
  size_t count = 0;
  for (size_t i = 0; i < fork_.environment_size; ++i) count += fork_.environment[i] == '\0' ? 1 : 0;
  auto* const variables = static_cast<char**>(malloc((count + 1) * sizeof(char*)));
  if (variables == nullptr) return -1;
  char* at = fork_.environment;
  for (size_t i = 0; i < count; ++i) {
    variables[i] = at;
    at += strlen(at) + 1;
  }
  variables[count] = nullptr;
  environ = variables;
  return 0;
}

// They lie side by side mostly, as do those that came: two calls instead of six.
void Template::close_own() {
  int all[] = {channel_, children_, watch_.fd(), descriptors_[0], descriptors_[1], descriptors_[2]};
  constexpr size_t kCount = sizeof(all) / sizeof(all[0]);
  for (size_t i = 1; i < kCount; ++i) {
    for (size_t k = i; k > 0 && all[k - 1] > all[k]; --k) {
      const int greater = all[k - 1];
      all[k - 1] = all[k];
      all[k] = greater;
    }
  }
  for (size_t first = 0; first < kCount;) {
    size_t last = first;
    while (last + 1 < kCount && all[last + 1] <= all[last] + 1) ++last;
    if (close_range(static_cast<unsigned>(all[first]), static_cast<unsigned>(all[last]), 0) != 0) {
      for (size_t i = first; i <= last; ++i) close(all[i]);
    }
    first = last + 1;
  }
}

}  // namespace remuda::app
