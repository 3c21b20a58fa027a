// SPDX-License-Identifier: Apache-2.0
//
// Keeper: what makes instances outlive workers and spawners. Tells the supervisor of every instance, takes
// over those of the spawner before, and gives those that nobody has to the next home channel of their place.
//
//     started  --Keep--> supervisor                      its worker's channel ends: it waits here
//     give()   --Keep--> supervisor, then --Inherited--> the new channel
//     ended    --Forget--> supervisor
//
// The supervisor is told first: a spawner that dies between the two has the next one say Inherited again,
// under the same id. Spawner's process only.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "spawner/channel.h"
#include "spawner/keeping.h"
#include "spawner/outbox.h"
#include "spawner/process_table.h"

namespace remuda::spawner {

class Keeper {
 public:
  // `generation` of the spawner makes its ids different from those of others.
  Keeper(ProcessTable& processes, uint32_t generation);

  // At the start: instances of the spawner before, and the channels as it had them.
  void adopt(std::span<const Inheritance> inheritances, std::span<const std::unique_ptr<Channel>> channels);

  // An instance that has just started is known to its channel.
  void keep(pid_t pid, const Running& running);
  void forget(pid_t pid);

  // A process was started whose number an adopted instance had whose end has not been seen yet.
  void make_room(pid_t pid);

  // A home channel has come: it gets every instance of its place that no channel has, but for those that are
  // to end.
  void give(Channel& channel);

  // The ends of adopted instances, which no SIGCHLD tells: what is to be polled, and what has been.
  void add_polled(std::vector<pollfd>& polled) const;
  void take_ended(std::span<const pollfd> polled);
  void take_ended();  // looks by itself

  void flush(int control) { to_supervisor_.flush(control); }
  bool has_notices() const { return !to_supervisor_.empty(); }

 private:
  void adopt(const Inheritance& inheritance, std::span<const std::unique_ptr<Channel>> channels);
  void introduce(pid_t pid, Running& running);
  void take_out(pid_t pid);

  ProcessTable& processes_;
  uint64_t next_id_;
  std::vector<pid_t> adopted_;
  Outbox to_supervisor_;
};

}  // namespace remuda::spawner
