// SPDX-License-Identifier: Apache-2.0
//
// ProcessTable: the programs that the spawner has started and that have not been waited for, the instances
// that it was given by the one before it, and the signals that end them.
//
// A process group is signalled only while it is certain whose it is: its leader is our child, or its pidfd
// finds it (an adopted instance, a template's fork), or it is an orphan (orphans.h), or it ended a moment ago
// and no other process has its number. Spawner's process only.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "spawner/orphans.h"
#include "spawner/protocol.h"

namespace remuda::spawner {

class Channel;

// What the spawner keeps of a program that outlives its worker.
struct Instance {
  uint32_t app = 0;
  int32_t place = 0;
  std::string label;
  base::Fd errors;  // the reading end, so that it can write although no worker listens
};

// Who waits for a process, and so tells its end: wait4(2); its template's Ended; its pidfd.
enum class Parent : uint8_t { kThisSpawner, kTemplate, kSupervisor };

struct Running {
  Channel* channel = nullptr;  // null: its worker has gone
  uint64_t id = 0;
  StepTimes times;
  bool announced = false;  // Started has been sent
  Parent parent = Parent::kThisSpawner;
  pid_t forked_by = 0;                 // the template that is, or was, its parent
  base::Fd pidfd;                      // of instances and of what templates forked
  int64_t kill_at = 0;                 // 0: nobody wants it to end
  std::unique_ptr<Instance> instance;  // null: it was started for one request

  bool is_adopted() const { return parent == Parent::kSupervisor; }
};

class ProcessTable {
 public:
  ProcessTable(int64_t kill_after_ns, const Orphans& orphans)
      : kill_after_(kill_after_ns), orphans_(orphans) {}

  Running& add(pid_t pid, Running running) { return running_[pid] = std::move(running); }
  Running* find(pid_t pid);
  // The process id of what the channel knows under that id; 0 if there is none.
  pid_t find(const Channel* channel, uint64_t id) const;
  // Takes it out: it has been waited for.
  Running remove(pid_t pid);

  template <typename Call>
  void for_each(Call call) {
    for (auto& [pid, running] : running_) call(pid, running);
  }
  template <typename Call>
  void for_each(Call call) const {
    for (const auto& [pid, running] : running_) call(pid, running);
  }

  // TERM now, KILL later.
  void end(pid_t pid, int64_t now);
  // But for instances, which wait for their next channel unless they are to end already.
  void end_all_of(const Channel* channel, int64_t now);
  void end_all(int64_t now);
  // KILL to those that had their time. Gives those that are no more, although their template has not said so.
  std::vector<pid_t> kill_overdue(int64_t now);
  int64_t next_kill() const { return next_kill_; }

  // A worker's wish; `pid` is looked at only if no program of that channel has that id. TERM is followed by
  // KILL.
  void signal(const Channel* channel, const Signal& wish, int64_t now);

  bool empty() const { return running_.empty(); }

 private:
  struct Ended {
    const Channel* channel = nullptr;
    uint64_t id = 0;
    pid_t pid = 0;
  };

  struct Former {
    const Channel* channel = nullptr;
    Signal wish;
    int64_t kill_at = 0;
  };

  static void signal_program(pid_t pid, const Running& running, int number);
  bool may_signal(const Channel* channel, const Signal& wish) const;
  void signal_former(const Channel* channel, const Signal& wish, int64_t now);

  const int64_t kill_after_;
  const Orphans& orphans_;
  std::unordered_map<pid_t, Running> running_;
  int64_t next_kill_ = INT64_MAX;
  std::array<Ended, 256> ended_{};  // the last ones: others of their group may run on
  size_t ended_at_ = 0;
  std::vector<Former> formers_;  // not our children, and told to end
};

}  // namespace remuda::spawner
