// SPDX-License-Identifier: Apache-2.0
//
// For tests: a spawner and doors without processes and sockets, in virtual time. Each program that is started
// does what `behaviour` says at that moment; the test ends, grows or mutes programs as it likes.
#pragma once

#include <fcntl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/pool/doors.h"
#include "apps/program.h"
#include "loop/backend/deterministic.h"

namespace remuda::apps::pool {

class FakeSpawner final : public InstanceSpawner, public Doors {
 public:
  struct Behaviour {
    loop::Duration started_after = std::chrono::milliseconds(1);
    std::optional<loop::Duration> accepts_after = std::chrono::milliseconds(10);  // none: never
    std::optional<Ending> ends;                                                   // instead of accepting
    std::string says;  // on standard error, before that
    bool heeds_term = true;
    Memory memory{.resident = 20 << 20, .proportional = 10 << 20, .unique = 5 << 20};
  };

  FakeSpawner(loop::DeterministicBackend& backend, loop::Loop& loop) : backend_(backend), loop_(loop) {}

  // --- the test's side
  Behaviour behaviour;
  std::vector<std::shared_ptr<Program>> programs;  // all that were ever started, in order
  std::vector<std::shared_ptr<Program>> left;      // what inherited() gives
  std::map<pid_t, Behaviour> by_pid;
  std::map<std::string, loop::Time> busy_until;  // by the path of its socket
  std::optional<base::Error> refuses;
  size_t terminated = 0;
  size_t killed_at_once = 0;

  size_t running() const {
    return static_cast<size_t>(std::ranges::count_if(
        programs, [](const auto& program) { return program->started() && !program->ended(); }));
  }
  void end(Program& program, Ending ending) {
    if (program.ended()) return;
    const auto pipe = pipes_.find(program.id());
    if (pipe != pipes_.end()) backend_.close(pipe->second);
    pipes_.erase(program.id());
    program.conclude(loop_.now(), std::move(ending));
  }
  void end_all() {
    for (const auto& program : std::vector(programs)) end(*program, killed());
  }
  void say(const Program& program, std::string_view text) { backend_.put(pipes_.at(program.id()), text); }
  static Ending exited(int status) {
    return {.kind = Ending::Kind::kExited, .code = status, .step = {}, .detail = {}};
  }
  static Ending killed() { return {.kind = Ending::Kind::kSignaled, .code = 9, .step = {}, .detail = {}}; }
  std::shared_ptr<Program> make(std::string_view label) {
    auto program = std::make_shared<Program>(loop_, ++last_id_);
    program->label = label;
    const auto [read, write] = backend_.pipe();
    program->errors = loop::LoopFd(loop_, base::Fd(read));
    pipes_[program->id()] = write;
    by_pid[pid_of(*program)] = behaviour;
    programs.push_back(program);
    return program;
  }
  static pid_t pid_of(const Program& program) { return static_cast<pid_t>(1000 + program.id()); }

  // --- InstanceSpawner
  loop::Task<base::Result<std::shared_ptr<Program>>> start_instance(const StartInstance& start,
                                                                    Journey journey) override {
    if (refuses) co_return std::unexpected(*refuses);
    auto program = make(start.label);
    program->journey = std::move(journey);
    const Behaviour now = behaviour;
    listeners_[start.listener] = program->id();
    if (now.accepts_after && !now.ends) accepts_at_[program->id()] = loop_.now() + *now.accepts_after;
    backend_.after(now.started_after, [this, program, now] {
      if (program->ended()) return;
      program->begin(pid_of(*program), loop_.now(), loop_.now());
      if (!now.says.empty()) say(*program, now.says);
      if (now.ends) end(*program, *now.ends);
    });
    co_return program;
  }
  loop::Task<std::vector<std::shared_ptr<Program>>> inherited(loop::Time) override { co_return left; }
  loop::Task<base::Result<Measurement>> measure(const Program& program, loop::Time deadline) override {
    if (const auto slept =
            co_await loop_.sleep_until(std::min(deadline, loop_.now() + std::chrono::milliseconds(1)));
        !slept)
      co_return std::unexpected(slept.error());
    if (program.ended()) co_return base::failure(ESRCH, "measure");
    co_return Measurement{.memory = by_pid.at(program.journey.pid).memory};
  }
  void terminate(const Program& program) override {
    ++terminated;
    const bool heeds = by_pid.at(pid_of(program)).heeds_term;
    Ending ending = killed();
    if (heeds) ending.code = 15;
    end_in(std::chrono::milliseconds(heeds ? 2 : 5000), program, ending);
  }
  void kill(const Program& program) override {
    ++killed_at_once;
    end_in(std::chrono::milliseconds(2), program, killed());
  }
  void terminate_group(const Program&) override {}

  // --- Doors
  base::Result<base::Fd> open(const std::string&) override {
    return base::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  void remove(const std::string&) override {}
  loop::Task<base::Result<loop::LoopFd>> knock(const std::string&, loop::Time) override {
    co_return loop::LoopFd();
  }
  loop::Task<base::Result<void>> wait_free(const std::string& path, loop::Time deadline) override {
    const loop::Time until = busy_until[path];
    if (until <= loop_.now()) co_return base::Result<void>();
    if (auto slept = co_await loop_.sleep_until(std::min(until, deadline)); !slept) co_return slept;
    if (until > deadline) co_return base::failure(ETIMEDOUT, "wait until it is free");
    co_return base::Result<void>();
  }
  bool is_anybody_waiting(int listener) override {
    const auto accepts = accepts_at_.find(listeners_.at(listener));
    return accepts == accepts_at_.end() || loop_.now() < accepts->second;
  }

 private:
  void end_in(loop::Duration time, const Program& program, const Ending& ending) {
    backend_.after(time, [this, id = program.id(), ending] {
      for (const auto& each : std::vector(programs)) {
        if (each->id() == id) end(*each, ending);
      }
    });
  }

  loop::DeterministicBackend& backend_;
  loop::Loop& loop_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, int> pipes_;      // the programs' ends of standard error
  std::map<int, uint64_t> listeners_;  // program by the number of its listener
  std::map<uint64_t, loop::Time> accepts_at_;
};

}  // namespace remuda::apps::pool
