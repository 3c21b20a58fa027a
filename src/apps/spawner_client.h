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
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/journey.h"
#include "apps/program.h"
#include "base/fd.h"
#include "loop/event.h"
#include "loop/loop.h"
#include "spawner/protocol.h"

namespace remuda::apps {

class SpawnerClient {
 public:
  // `channel`: the worker's end.
  SpawnerClient(loop::Loop& loop, base::Fd channel);
  SpawnerClient(const SpawnerClient&) = delete;
  SpawnerClient& operator=(const SpawnerClient&) = delete;

  // Receives replies until its scope is cancelled; the composition spawns it and does so after the last lease
  // has gone.
  loop::Task<void> run();

  struct Start {
    uint32_t app = 0;
    std::string_view program;
    std::string_view environment;  // "NAME=value\0" one after the other
    int input = -1;                // -1: none
    int output = -1;
    int errors = -1;
  };
  // Ends when the request is in the channel; the descriptors may be closed then. E2BIG if it is too long.
  loop::Task<base::Result<std::shared_ptr<Program>>> start(const Start& start, Journey journey);

  // TERM now; the spawner sends KILL when that has not helped.
  void terminate(const Program& program);
  // The same for what is left of its group after it has ended.
  void terminate_group(const Program& program);

  size_t running() const { return programs_.size(); }
  loop::Loop& loop() { return loop_; }

 private:
  loop::Task<base::Result<void>> send(const msghdr& message);
  loop::Task<void> send_packet(std::vector<std::byte> packet);
  loop::Task<void> watch(std::shared_ptr<Program> program);
  void read_packet(std::span<const std::byte> packet, base::Fd descriptor);
  void handle(const spawner::Started& started, base::Fd& pidfd);
  void handle(const spawner::Failed& failed);
  void handle(const spawner::Exited& exited);
  void handle(const spawner::Pong& pong);
  void greet();
  std::shared_ptr<Program> find(uint64_t id) const;
  void conclude(const std::shared_ptr<Program>& program, loop::Time when, Ending ending);
  void conclude_all(Ending::Kind kind);

  loop::Loop& loop_;
  loop::LoopFd channel_;
  loop::Event sent_;
  bool sending_ = false;
  bool broken_ = false;  // the channel has ended: the supervisor and the spawner are gone
  uint64_t next_id_ = 1;
  uint64_t last_ping_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<Program>> programs_;
  std::vector<std::byte> room_;
};

}  // namespace remuda::apps
