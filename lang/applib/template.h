// SPDX-License-Identifier: Apache-2.0
//
// Template: what a remuda_template is (remuda_template.h has the contract, docs/templates.md the protocol).
// One thread; only the process that opened it may use it, and once each fork that was asked for.
//
//     kLoading --ready()--> kReady --wait() has a Fork--> kForking --parent()--> kReady
//                                                           fork: --child()--> it is gone
//
// Whether a fork came as far as saying Forked stands in a page that it shares with the template (Promise):
// for one that dies before, the template says Refused, so that nobody waits for it. What is received or kept
// for forks stays where it is in the child: touching it to give it back would copy pages.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "memory.h"
#include "template_records.h"
#include "template_watch.h"

namespace remuda::app {

class Template {
 public:
  // Null: errno says why.
  static Template* open();

  // 0, or the error.
  int step(const char* what) { return say(TemplateKind::kStep, what); }
  int warn(const char* what) { return say(TemplateKind::kWarning, what); }
  int unfit(const char* why) { return say(TemplateKind::kUnfit, why); }
  int watch(const char* path, Closeness closeness) { return is_mine() ? watch_.add(path, closeness) : EPERM; }
  int expect_threads(size_t count);
  int default_variable(const char* variable);
  int ready();
  // 1: a process is wanted. 0: the end. -1: errno.
  int wait();
  int parent(pid_t pid, int fork_error);
  int child();
  const char* program() const { return fork_.program; }
  const char* environment(size_t* size) const {
    *size = fork_.environment_size;
    return fork_.environment;
  }

 private:
  enum class State : uint8_t { kLoading, kReady, kForking };
  // Of a fork that has not said Forked yet; shared with it.
  struct Promise {
    uint64_t id;         // 0: free
    int32_t error;       // why it could not say so
    char failed_at[20];  // what it did then
  };
  struct Fork {
    pid_t pid;
    uint32_t promise;
    uint64_t id;
  };
  static constexpr size_t kPromises = 4096 / sizeof(Promise);

  Template() = default;
  ~Template();
  int begin(int channel);
  bool is_mine() const;
  int say(TemplateKind kind, const char* text);
  int send(TemplateRecord& record) const;
  int refuse(uint64_t id, int error, const char* why) const;
  int tell_changed();
  int reap();
  int report_end(pid_t pid, int status, const rusage& usage);
  int receive();
  int take_fork(size_t size, const msghdr& message);
  void add_default();
  void drop_descriptors();
  Promise* free_promise();
  int settle();
  int put_descriptors();
  int set_environment();
  void close_own();

  State state_ = State::kLoading;
  bool one_request_ = false;  // a fork answers one request: what makes forks cheaper is worth memory
  pid_t owner_ = 0;
  int channel_ = -1;
  int children_ = -1;  // signalfd
  size_t expected_threads_ = 0;
  int64_t told_at_ = 0;  // of a change
  sigset_t mask_{};      // of the forks
  struct sigaction on_child_{};
  TemplateWatch watch_;
  char* packet_ = nullptr;   // kMostFork and one more
  char* default_ = nullptr;  // NAME=value, for forks that have none of the name
  Promise* promises_ = nullptr;
  uint32_t next_promise_ = 0;
  Array<Fork> forks_;
  // Of the process that is wanted now.
  ForkRecord fork_;
  int descriptors_[3] = {-1, -1, -1};
  Promise* promise_ = nullptr;
};

}  // namespace remuda::app
