// SPDX-License-Identifier: Apache-2.0
//
// Program: a process that the spawner started or was asked to start, as this loop sees it, until its end is
// known. And InstanceSpawner: what a pool asks of the spawner.
//
//     start_instance() --> Program --Started--> pid is known --Exited--> ended
//            inherited() --------------------------^
//
// A program started for one request ends with its worker. An instance does not: the spawner keeps it, with
// its label and the other end of its standard error, and gives it to the worker that comes next. One loop,
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/journey.h"
#include "apps/status.h"
#include "base/result.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::apps {

class Program {
 public:
  Program(loop::Loop& loop, uint64_t id) : id_(id), changed_(loop) {}

  uint64_t id() const { return id_; }
  bool started() const { return journey.pid != 0; }
  bool ended() const { return journey.ending.ended(); }

  // Ends when its process id is known, or its end (it may never have run). Fails with ETIMEDOUT, and as the
  // scope says when that is cancelled.
  loop::Task<base::Result<void>> wait_started(loop::Time deadline);
  // Fails likewise.
  loop::Task<base::Result<void>> wait_ended(loop::Time deadline);

  Journey journey;
  std::function<void()> at_end;  // called once, when the end is known

  // Of an instance only.
  uint32_t app = 0;     // its number in the spawner's rules
  std::string label;    // what its starter said of it, for the worker that inherits it
  loop::LoopFd errors;  // what it writes to standard output and error; end of file when its group has gone

  // --- for whoever started it ------------------------------------------------------------------------------
  void begin(pid_t pid, loop::Time received, loop::Time started);
  // The first ending counts.
  void conclude(loop::Time when, Ending ending);

 private:
  friend class SpawnerClient;
  uint64_t id_;
  loop::Event changed_;
  std::shared_ptr<loop::LoopFd> pidfd_;  // shared with the story that watches it
  bool watched_ = false;
  bool doubtful_ = false;  // its start was asked of a spawner that has died
};

// What the processes of an application use, measured by the spawner: a worker may not look. Of the process
// itself, not of its children.
struct Measurement {
  Memory memory;
  loop::Duration cpu_user{};
  loop::Duration cpu_system{};
};

struct StartInstance {
  uint32_t app = 0;        // its number in the spawner's rules; they say program, arguments, environment
  std::string_view label;  // at most spawner::kMaxLabel bytes of the pool's own
  int listener = -1;       // becomes its descriptor 0; stays the caller's
  std::string_view environment{};  // "NAME=value\0": where it is to listen, if not there
};

// The home loop's SpawnerClient, or a test's.
class InstanceSpawner {
 public:
  // Ends when the request is in the channel: the listener may be closed then. The journey is filled as things
  // become known. Errors: of pipe(2), E2BIG, EPIPE.
  virtual loop::Task<base::Result<std::shared_ptr<Program>>> start_instance(const StartInstance& start,
                                                                            Journey journey) = 0;

  // The instances that a former worker of the same place has left, running: asked once, before anything is
  // started. What journeys they had is not known but for the process id and when they were started. Empty
  // when the deadline passes.
  virtual loop::Task<std::vector<std::shared_ptr<Program>>> inherited(loop::Time deadline) = 0;

  // Errors: ESRCH it has ended, ECONNRESET the spawner died meanwhile, ETIMEDOUT.
  virtual loop::Task<base::Result<Measurement>> measure(const Program& program, loop::Time deadline) = 0;

  // TERM to its group now; the spawner sends KILL when that has not helped. Once is enough.
  virtual void terminate(const Program& program) = 0;
  // KILL to its group now.
  virtual void kill(const Program& program) = 0;
  // The same as terminate() for what is left of its group after it has ended.
  virtual void terminate_group(const Program& program) = 0;

 protected:
  ~InstanceSpawner() = default;
};

}  // namespace remuda::apps
