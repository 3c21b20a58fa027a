// SPDX-License-Identifier: Apache-2.0
//
// Announcer: puts a process that has begun where it belongs (ProcessTable, Keeper) and tells its channel of
// the beginning and of the end.
//
// A program that ends within kStartedDelay is announced together with its end: one message instead of two,
// and no pidfd. An instance is announced at once. Spawner's process only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>

#include "spawner/keeper.h"
#include "spawner/process_table.h"
#include "spawner/protocol.h"

namespace remuda::spawner {

class Announcer {
 public:
  Announcer(ProcessTable& processes, Keeper& keeper) : processes_(processes), keeper_(keeper) {}

  void begun(pid_t pid, Running running);
  // It has been waited for, by this process or by its template.
  void ended(pid_t pid, int status, const Usage& usage);

  void announce_due(int64_t now);
  void announce_all() { announce_due(INT64_MAX); }
  int64_t next_due() const { return announcements_.empty() ? INT64_MAX : announcements_.front().due; }

 private:
  struct Announcement {
    int64_t due = 0;
    pid_t pid = 0;
  };
  void announce(pid_t pid);

  ProcessTable& processes_;
  Keeper& keeper_;
  std::deque<Announcement> announcements_;
};

}  // namespace remuda::spawner
