// SPDX-License-Identifier: Apache-2.0
//
// SpawnerClient: one loop's end of its channel to the spawner. Sends what is asked, matches replies to
// programs by id.
//
// A spawner that dies is survived: what it had not read waits in the channel for the next one, whose Hello
// makes this end watch the programs that run by their pidfds, and find out by a Ping which starts were lost.
// On the home loop it also starts instances, and takes over those that a former worker has left: whatever
// comes before the Pong. One loop, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/journey.h"
#include "apps/program.h"
#include "apps/templates.h"
#include "base/fd.h"
#include "loop/event.h"
#include "loop/loop.h"
#include "spawner/protocol.h"

namespace remuda::apps {

class SpawnerClient final : public InstanceSpawner, public TemplateSpawner {
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

  loop::Task<base::Result<std::shared_ptr<Program>>> start_instance(const StartInstance& start,
                                                                    Journey journey) override;
  loop::Task<std::vector<std::shared_ptr<Program>>> inherited(loop::Time deadline) override;
  loop::Task<base::Result<Measurement>> measure(const Program& program, loop::Time deadline) override;
  loop::Task<base::Result<Renewal>> renew(uint32_t app, loop::Time deadline) override;
  loop::Task<base::Result<Memory>> measure_template(pid_t pid, loop::Time deadline) override;
  void terminate(const Program& program) override;
  void kill(const Program& program) override;
  void terminate_group(const Program& program) override;

  // Home loop: who hears of templates. Before run(); outlives it.
  void tell_templates(TemplateNews& news) { news_ = &news; }

  size_t running() const { return programs_.size(); }
  loop::Loop& loop() { return loop_; }

 private:
  struct Descriptors;
  // Who waits for the answer to a Measure. Lives in the frame of measure().
  struct Measuring {
    explicit Measuring(loop::Loop& loop) : answered(loop) {}
    loop::Event answered;
    base::Result<Measurement> result = base::failure(ETIMEDOUT, "measure a process");
    bool done = false;
  };

  // Likewise to a Renew.
  struct Renewing {
    explicit Renewing(loop::Loop& loop) : answered(loop) {}
    loop::Event answered;
    base::Result<Renewal> result = base::failure(ETIMEDOUT, "renew a template");
    bool done = false;
  };

  loop::Task<base::Result<Measurement>> measure(spawner::Measure wish, loop::Time deadline);
  loop::Task<base::Result<std::shared_ptr<Program>>> send_start(std::shared_ptr<Program> program,
                                                                const spawner::Spawn& spawn,
                                                                std::span<const int> descriptors);
  loop::Task<base::Result<void>> send(const msghdr& message);
  loop::Task<void> send_packet(std::vector<std::byte> packet);
  void signal(const Program& program, int number);
  uint64_t ping();
  loop::Task<void> watch(std::shared_ptr<Program> program);
  void start_watching(const std::shared_ptr<Program>& program);
  void read_packet(std::span<const std::byte> packet, Descriptors& descriptors);
  void handle(const spawner::Reply& reply, Descriptors& descriptors);
  void handle(const spawner::Started& started, base::Fd& pidfd);
  void handle(const spawner::Failed& failed);
  void handle(const spawner::Exited& exited);
  void handle(const spawner::Inherited& inherited, Descriptors& descriptors);
  void handle(const spawner::Measured& measured);
  void handle(const spawner::Renewed& renewed);
  void handle(const spawner::Pong& pong);
  std::shared_ptr<Program> heir(const spawner::Inherited& inherited);
  void greet();
  std::shared_ptr<Program> find(uint64_t id) const;
  void conclude(const std::shared_ptr<Program>& program, loop::Time when, Ending ending);
  void conclude_all(Ending::Kind kind);
  void fail_questions();
  void give_up();

  loop::Loop& loop_;
  loop::LoopFd channel_;
  loop::Event sent_;
  loop::Scope beside_;  // what watches programs of former spawners: keeps no loop running
  bool sending_ = false;
  bool broken_ = false;  // the channel has ended: the supervisor and the spawner are gone
  uint64_t next_id_ = 1;
  uint64_t last_ping_ = 0;
  uint64_t last_pong_ = 0;
  loop::Event ponged_;
  std::unordered_map<uint64_t, std::shared_ptr<Program>> programs_;
  std::vector<std::shared_ptr<Program>> inherited_;  // not yet asked for
  bool heirs_known_ = false;                         // inherited() has ended
  uint64_t last_measure_ = 0;
  std::unordered_map<uint64_t, Measuring*> measuring_;
  uint64_t last_renewal_ = 0;
  std::unordered_map<uint64_t, Renewing*> renewing_;
  TemplateNews* news_ = nullptr;
  std::vector<std::byte> room_;
};

}  // namespace remuda::apps
