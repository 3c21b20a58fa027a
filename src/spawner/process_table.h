// SPDX-License-Identifier: Apache-2.0
//
// ProcessTable: the programs that the spawner has started and that have not been waited for, and the signals
// that end them. Programs of a former spawner (orphans, whose parent is now the supervisor) are found in
// /proc when asked for.
//
// A process group is signalled only while it is certain whose it is: its leader is our child, or an orphan,
// or it ended a moment ago and no other process has its number. Spawner's process only.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "spawner/protocol.h"

namespace remuda::spawner {

class Channel;

struct Running {
  Channel* channel = nullptr;  // null: its worker has gone
  uint64_t id = 0;
  StepTimes times;
  bool announced = false;  // Started has been sent
  int64_t kill_at = 0;     // 0: nobody wants it to end
};

class ProcessTable {
 public:
  explicit ProcessTable(int64_t kill_after_ns) : kill_after_(kill_after_ns) {}

  void add(pid_t pid, const Running& running) { running_.emplace(pid, running); }
  Running* find(pid_t pid);
  // Takes it out: it has been waited for.
  Running remove(pid_t pid);

  // TERM now, KILL later.
  void end(pid_t pid, int64_t now);
  void end_all_of(const Channel* channel, int64_t now);
  void end_all(int64_t now);
  // KILL to those that had their time.
  void kill_overdue(int64_t now);
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

  bool may_signal(const Channel* channel, const Signal& wish) const;
  void signal_former(const Channel* channel, const Signal& wish, int64_t now);

  const int64_t kill_after_;
  std::unordered_map<pid_t, Running> running_;
  int64_t next_kill_ = INT64_MAX;
  std::array<Ended, 256> ended_{};  // the last ones: others of their group may run on
  size_t ended_at_ = 0;
  std::vector<Former> formers_;  // not our children, and told to end
};

// Process groups led by children of the supervisor that run another program than this one.
std::vector<pid_t> find_orphans();

}  // namespace remuda::spawner
