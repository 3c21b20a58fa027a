// SPDX-License-Identifier: Apache-2.0
//
// InstanceKeeper: what the home loop knows and does of one instance: its socket, its program, what it says on
// standard error, what it uses.
//
//     start(): make the socket -> ask the spawner -> knock until somebody accepts   => ready to be lent
//     wait_ended(): its program has ended, and its last words have been read
//
// Shared by the manager and the instance's own story. Home loop only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apps/pool/doors.h"
#include "apps/pool/group.h"
#include "apps/program.h"
#include "base/error_lines.h"
#include "base/log.h"

namespace remuda::apps::pool {

// What a keeper works with; outlives it.
struct KeeperTools {
  loop::Loop& loop;
  loop::Scope& scope;  // of everything that home does
  InstanceSpawner& spawner;
  Doors& doors;
  base::Log& log;
};

class InstanceKeeper : public std::enable_shared_from_this<InstanceKeeper> {
 public:
  InstanceKeeper(KeeperTools& tools, Group& group, std::shared_ptr<Instance> instance);
  ~InstanceKeeper();
  InstanceKeeper(const InstanceKeeper&) = delete;
  InstanceKeeper& operator=(const InstanceKeeper&) = delete;

  // Until it accepts. ECHILD: it ended before (the journey says how); ETIMEDOUT: and it has been sent TERM;
  // else what could not be made. Nothing is lent yet.
  loop::Task<base::Result<void>> start(loop::Time deadline);
  // Instead of start(): one that a former worker has left.
  void adopt(std::shared_ptr<Program> program);

  // Fails only when home stops.
  loop::Task<base::Result<void>> wait_ended();

  // TERM, then KILL, once. `why` is static text.
  void stop(std::string_view why);
  bool is_stopped() const { return stopped_; }
  // Stopped, and KILL at once for what is left of it.
  void hurry();
  bool is_hurried() const { return hurried_; }
  bool has_ended() const { return program_ == nullptr || program_->ended(); }

  // Keeps what it found; nothing if the spawner could not say.
  loop::Task<void> measure(loop::Time deadline);

  const std::shared_ptr<Instance>& instance() const { return instance_; }
  pid_t pid() const { return program_ == nullptr ? 0 : program_->journey.pid; }
  loop::Time started() const;
  const Journey& journey() const { return journey_; }
  const Memory& memory() const { return memory_; }
  loop::Duration cpu() const { return cpu_; }

  // --- the manager's notes
  enum class Stage : uint8_t { kStarting, kReady, kFailed };
  Stage stage = Stage::kStarting;
  bool inherited = false;   // of a former worker; while it is starting: perhaps it works on a request of that
  bool restarting = false;  // part of a rolling restart: it has to answer for its health
  std::string retiring;     // why it is to be replaced; empty if it is not
  std::weak_ptr<InstanceKeeper> replaces;
  std::weak_ptr<InstanceKeeper> replaced_by;
  std::string leaving;  // why it drains or stops, for status
  loop::Time draining_since{};
  loop::Time doubted_since{};           // kept apart from those that lend
  uint64_t requests_most = UINT64_MAX;  // with its own jitter
  loop::Time old_at = loop::kNever;
  uint64_t requests_measured = 0;  // when it was measured last
  loop::Duration worked_measured{};

 private:
  base::Result<base::Fd> open_door();
  loop::Task<base::Result<void>> wait_accepting(int listener, loop::Time deadline);
  loop::Task<base::Result<void>> wait_reachable(loop::Time deadline);
  static loop::Task<void> read_errors(std::shared_ptr<InstanceKeeper> self);
  void take_error_line(std::string_view line);

  KeeperTools& tools_;
  Group& group_;
  const std::shared_ptr<Instance> instance_;
  std::shared_ptr<Program> program_;
  Journey journey_;
  Memory memory_;
  loop::Duration cpu_{};
  base::ErrorLines lines_;
  loop::Time lines_since_{};
  uint64_t lines_logged_ = 0;  // bytes, since then
  uint64_t lines_left_out_ = 0;
  loop::Event errors_ended_;
  bool reading_errors_ = false;
  std::string environment_;  // where it is to listen, if it was not given a socket
  bool stopped_ = false;
  bool hurried_ = false;
};

}  // namespace remuda::apps::pool
