// SPDX-License-Identifier: Apache-2.0
//
// See template.h: how a template begins, what it says, and how it waits.
#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <new>

#include "template_pages.h"
#include "template_scan.h"

namespace remuda::app {
namespace {

constexpr int64_t kChangePause = 50'000'000;  // ns
constexpr char kVariable[] = "REMUDA_TEMPLATE";
constexpr char kOneRequest[] = ",request";

// What mmap gives for memory that nobody has touched costs nothing.
void* reserve(size_t size, int sharing) {
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool is_channel(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int64_t monotonic() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

int64_t microseconds(const timeval& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000 + time.tv_usec;
}

// Where a thread takes a signal that the first has blocked for signalfd: it is the first one's.
void hand_over(int number) {
  const int error = errno;
  syscall(SYS_tgkill, getpid(), getpid(), number);
  errno = error;
}

}  // namespace

Template* Template::open() {
  const char* const value = getenv(kVariable);
  if (value == nullptr) {
    errno = ENOENT;
    return nullptr;
  }
  char* end = nullptr;
  const long channel = strtol(value, &end, 10);
  const bool one_request = end != value && strcmp(end, kOneRequest) == 0;
  const bool good = end != value && (*end == '\0' || one_request) && channel > 2 && channel < INT32_MAX &&
                    is_channel(static_cast<int>(channel));
  unsetenv(kVariable);
  void* const memory = good ? malloc(sizeof(Template)) : nullptr;
  if (memory == nullptr) {
    errno = good ? ENOMEM : EBADF;
    return nullptr;
  }
  auto* const self = new (memory) Template;
  self->one_request_ = one_request;
  const int error = self->begin(static_cast<int>(channel));
  if (error == 0) return self;
  self->~Template();
  ::free(memory);
  errno = error;
  return nullptr;
}

int Template::begin(int channel) {
  owner_ = getpid();
  channel_ = channel;
  if (fcntl(channel_, F_SETFD, FD_CLOEXEC) != 0) return errno;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  children_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (children_ < 0) return errno;
  packet_ = static_cast<char*>(reserve(kMostFork + 1, MAP_PRIVATE));
  promises_ = static_cast<Promise*>(reserve(kPromises * sizeof(Promise), MAP_SHARED));
  if (packet_ == nullptr || promises_ == nullptr) return ENOMEM;
  return watch_.open();
}

Template::~Template() {
  if (children_ >= 0) close(children_);
  if (packet_ != nullptr) munmap(packet_, kMostFork + 1);
  ::free(default_);
  if (promises_ != nullptr) munmap(promises_, kPromises * sizeof(Promise));
}

bool Template::is_mine() const { return getpid() == owner_; }

// --- what it says

int Template::send(TemplateRecord& record) const {
  const char* const bytes = record.finished();
  while (::send(channel_, bytes, record.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int Template::say(TemplateKind kind, const char* text) {
  if (!is_mine()) return EPERM;
  TemplateRecord record(kind);
  if (kind == TemplateKind::kStep) record.put(monotonic());
  return send(record.text(text));
}

int Template::refuse(uint64_t id, int error, const char* why) const {
  TemplateRecord record(TemplateKind::kRefused);
  return send(record.put(id).put(static_cast<int32_t>(error)).text(why));
}

int Template::expect_threads(size_t count) {
  if (!is_mine()) return EPERM;
  expected_threads_ = count;
  return 0;
}

int Template::default_variable(const char* variable) {
  if (!is_mine()) return EPERM;
  if (strchr(variable, '=') == nullptr) return EINVAL;
  char* const copy = strdup(variable);
  if (copy == nullptr) return ENOMEM;
  ::free(default_);
  default_ = copy;
  return 0;
}

int Template::ready() {
  if (!is_mine()) return EPERM;
  if (state_ != State::kLoading) return EINVAL;
  char names[512];
  size_t threads = 0;
  for (int i = 0; i < 20 && (threads = other_threads(names, sizeof(names))) > expected_threads_; ++i) {
    usleep(1000);  // one that was joined is there for a moment yet
  }
  if (threads > expected_threads_) {
    char why[640];
    snprintf(why, sizeof(why), "%zu thread%s, which no fork would have: %s", threads,
             threads == 1 ? " runs" : "s run", names);
    unfit(why);
    return EBUSY;
  }
  shared_things(
      channel_, [](void* self, const char* sentence) { static_cast<Template*>(self)->warn(sentence); }, this);
  // Ends of forks are to be heard, whatever the application does about those of its own.
  struct sigaction usual{};
  usual.sa_handler = expected_threads_ == 0 ? SIG_DFL : &hand_over;
  usual.sa_flags = SA_RESTART;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &signals, &mask_) != 0) return errno;
  if (sigaction(SIGCHLD, &usual, &on_child_) != 0) return errno;
  if (one_request_) move_to_huge_pages();
  state_ = State::kReady;
  TemplateRecord record(TemplateKind::kReady);
  return send(record.put(monotonic()));
}

// --- waiting

// Each further change is told, for the next generation may have failed over the one before; not too often.
// Milliseconds until the next is due, -1: none.
int Template::tell_changed() {
  if (watch_.changed() == nullptr) return -1;
  const int64_t due_in = told_at_ + kChangePause - monotonic();
  if (due_in > 0) return static_cast<int>(due_in / 1'000'000) + 1;
  say(TemplateKind::kChanged, watch_.changed());
  watch_.said();
  told_at_ = monotonic();
  return -1;
}

int Template::wait() {
  if (!is_mine()) {
    errno = EPERM;
    return -1;
  }
  if (state_ != State::kReady) {
    errno = EINVAL;
    return -1;
  }
  pollfd events[] = {{.fd = channel_, .events = POLLIN},
                     {.fd = children_, .events = POLLIN},
                     {.fd = watch_.fd(), .events = POLLIN}};
  for (;;) {
    const int timeout = tell_changed();
    if (poll(events, 3, timeout) < 0) continue;  // EINTR
    if (events[2].revents != 0) watch_.hear();
    if (events[1].revents != 0 && reap() != 0) return 0;
    if (events[0].revents == 0) continue;
    const int wanted = receive();
    if (wanted >= 0) return wanted;
  }
}

int Template::reap() {
  signalfd_siginfo ended;
  [[maybe_unused]] const ssize_t got = read(children_, &ended, sizeof(ended));
  while (!forks_.empty()) {
    int status = 0;
    rusage usage;
    const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) return 0;
    if (const int error = report_end(pid, status, usage); error != 0) return error;
  }
  return 0;
}

int Template::report_end(pid_t pid, int status, const rusage& usage) {
  size_t at = 0;
  while (at < forks_.size() && forks_[at].pid != pid) ++at;
  if (at == forks_.size()) return 0;  // the application's own
  const Fork fork = forks_[at];
  forks_[at] = forks_.back();
  forks_.pop();
  Promise& promise = promises_[fork.promise];
  if (promise.id == fork.id) {
    char why[128];
    const char* const failed_at = promise.error != 0 ? promise.failed_at : "it ended at once";
    snprintf(why, sizeof(why), "the new process: %s", failed_at);
    const int error = promise.error != 0 ? promise.error : ECHILD;
    promise.id = 0;
    return refuse(fork.id, error, why);
  }
  TemplateRecord record(TemplateKind::kEnded);
  record.put(static_cast<int32_t>(pid)).put(static_cast<int32_t>(status));
  record.put(microseconds(usage.ru_utime)).put(microseconds(usage.ru_stime));
  return send(record.put(static_cast<int64_t>(usage.ru_maxrss)));
}

// 1: a process is wanted. 0: the end. -1: neither.
int Template::receive() {
  iovec bytes{.iov_base = packet_, .iov_len = kMostFork};
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int)) + 64];
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = recvmsg(channel_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return errno == EINTR || errno == EAGAIN || errno == ENOMEM ? -1 : 0;
  return take_fork(static_cast<size_t>(size), message);
}

// Whatever is wrong with a packet, no descriptor of it stays.
int Template::take_fork(size_t size, const msghdr& message) {
  size_t count = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t here = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < here; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      if (count < 3) {
        descriptors_[count] = fd;
      } else {
        close(fd);
      }
      ++count;
    }
  }
  if (size == 0 || (message.msg_flags & MSG_TRUNC) != 0 || !decode_fork(packet_, size, fork_)) {
    drop_descriptors();
    return 0;
  }
  int error = count == 3 ? 0 : (message.msg_flags & MSG_CTRUNC) != 0 ? EMFILE : EPROTO;
  const char* why = "receive its descriptors";
  if (error == 0 && watch_.stale() != nullptr) {
    error = ESTALE;
    why = watch_.stale();
  }
  promise_ = error == 0 ? free_promise() : nullptr;
  if (error == 0 && (promise_ == nullptr || !forks_.reserve(forks_.size() + 1))) {
    error = EAGAIN;
    why = "too many forks at once";
  }
  if (error != 0) {
    drop_descriptors();
    return refuse(fork_.id, error, why) == 0 ? -1 : 0;
  }
  add_default();
  promise_->error = 0;
  promise_->id = fork_.id;
  state_ = State::kForking;
  return 1;
}

// Behind the last variable of the packet, where there is room.
void Template::add_default() {
  if (default_ == nullptr) return;
  const size_t name = static_cast<size_t>(strchr(default_, '=') - default_) + 1;
  const char* const end = fork_.environment + fork_.environment_size;
  for (const char* one = fork_.environment; one < end; one += strlen(one) + 1) {
    if (strncmp(one, default_, name) == 0) return;
  }
  const size_t size = strlen(default_) + 1;
  if (size > static_cast<size_t>(packet_ + kMostFork - end)) return;
  memcpy(fork_.environment + fork_.environment_size, default_, size);
  fork_.environment_size += size;
}

Template::Promise* Template::free_promise() {
  for (uint32_t i = 0; i < kPromises; ++i) {
    next_promise_ = (next_promise_ + 1) % kPromises;
    if (promises_[next_promise_].id == 0) return &promises_[next_promise_];
  }
  return nullptr;
}

void Template::drop_descriptors() {
  for (int& fd : descriptors_) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
}

int Template::parent(pid_t pid, int fork_error) {
  if (!is_mine()) return EPERM;
  if (state_ != State::kForking) return EINVAL;
  state_ = State::kReady;
  drop_descriptors();
  if (pid > 0) {
    forks_.push({pid, static_cast<uint32_t>(promise_ - promises_), fork_.id});
    return 0;
  }
  promise_->id = 0;
  return refuse(fork_.id, fork_error, "fork");
}

}  // namespace remuda::app
