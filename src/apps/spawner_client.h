// SPDX-License-Identifier: Apache-2.0
//
// SpawnerClient: one loop's end of its channel to the spawner. Sends what is asked, matches replies to
// programs by id.
//
// A spawner that dies is survived: what it had not read waits in the channel for the next one, whose Hello
// makes this end watch the programs that run by their pidfds, and find out by a Ping which starts were lost.
// One loop, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/journey.h"
#include "base/fd.h"
#include "loop/event.h"
#include "loop/loop.h"
#include "spawner/protocol.h"

namespace remuda::apps {

// One program, from the request to start it until its end is known. Owned by whoever waits for it together
// with the client, which lets go of it at its end.
class Program {
 public:
  Program(loop::Loop& loop, uint64_t id) : id_(id), ended_(loop) {}

  uint64_t id() const { return id_; }
  bool ended() const { return journey.ending.ended(); }
  loop::Task<base::Result<void>> wait_ended(loop::Time deadline);

  Journey journey;
  // Called once, at the end; may destroy whatever it likes but the program.
  std::function<void()> at_end;

 private:
  friend class SpawnerClient;
  uint64_t id_;
  loop::Event ended_;
  loop::LoopFd pidfd_;
  bool doubtful_ = false;  // its start was asked of a spawner that has died
  bool watched_ = false;
};

class SpawnerClient {
 public:
  // `channel`: the worker's end. `kill_after`: from TERM to KILL.
  SpawnerClient(loop::Loop& loop, base::Fd channel, loop::Duration kill_after = std::chrono::seconds(3));
  ~SpawnerClient();
  SpawnerClient(const SpawnerClient&) = delete;
  SpawnerClient& operator=(const SpawnerClient&) = delete;

  // Receives replies until the scope that it is spawned in is cancelled: after every lease has been given
  // back, or never.
  loop::Task<void> run();

  struct Start {
    uint32_t app = 0;
    std::string_view program;
    std::span<const std::string_view> environment;  // each followed by a zero byte
    int input = -1;                                 // -1: none
    int output = -1;
    int errors = -1;
  };
  // Ends when the request is in the channel; the descriptors may be closed then.
  loop::Task<base::Result<std::shared_ptr<Program>>> start(const Start& start, Journey journey);

  // TERM now and KILL when kill_after has passed. Goes on by itself when the caller has gone.
  void terminate(const std::shared_ptr<Program>& program);

  size_t running() const { return programs_.size(); }
  loop::Loop& loop() { return loop_; }

 private:
  loop::Task<base::Result<void>> send(const msghdr& message);
  loop::Task<void> send_packet(std::vector<std::byte> packet);
  loop::Task<void> kill_later(std::shared_ptr<Program> program);
  loop::Task<void> watch(std::shared_ptr<Program> program);
  void signal(const Program& program, int number);
  void handle(const spawner::Reply& reply, base::Fd pidfd);
  void conclude(uint64_t id, loop::Time when, Ending ending);
  void spawner_restarted();
  void settle_doubts();
  void lose_all();

  loop::Loop& loop_;
  loop::LoopFd channel_;
  loop::Duration kill_after_;
  loop::Event sent_;
  bool sending_ = false;
  bool broken_ = false;
  uint64_t next_id_ = 1;
  uint64_t ping_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<Program>> programs_;
  std::vector<std::byte> packet_;
  loop::Scope stories_;
};

}  // namespace remuda::apps
