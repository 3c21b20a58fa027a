// SPDX-License-Identifier: Apache-2.0
//
// What the supervisor and the spawner say to each other over the control socket, and KeptInstances: the
// supervisor's memory of the instances that run, so that they outlive the spawner as well. Sans-I/O but for
// receive().
//
//     supervisor -> spawner    NewChannel + its descriptor
//     spawner -> supervisor    Keep       + pidfd, the reading end of its stderr: an instance has started, or
//                                           a channel has inherited it
//                              Forget     it has ended
//
// The next spawner gets what is kept through its Options. One record a packet.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "spawner/protocol.h"

namespace remuda::spawner {

// Which worker a channel belongs to, if it is the one that instances are started over: the worker's number
// among its siblings, which its replacement has again.
constexpr int32_t kNoPlace = -1;
// The serial that no channel has.
constexpr uint64_t kNoChannel = 0;

struct NewChannel {
  uint64_t serial = 0;  // of the channel, never used twice
  int32_t place = kNoPlace;
};

struct Keep {
  pid_t pid = 0;
  uint32_t app = 0;
  int32_t place = 0;
  uint64_t channel = kNoChannel;  // the serial of that which knows it
  uint64_t id = 0;                // under which it is known there
  StepTimes times;
  std::string_view label;
};

struct Forget {
  pid_t pid = 0;
};

using Notice = std::variant<Keep, Forget>;

void encode(const NewChannel& channel, std::vector<std::byte>& packet);
void encode(const Keep& keep, std::vector<std::byte>& packet);
void encode(const Forget& forget, std::vector<std::byte>& packet);

// The whole packet is one record, or nothing. Views point into it.
std::optional<NewChannel> decode_new_channel(std::span<const std::byte> packet);
std::optional<Notice> decode_notice(std::span<const std::byte> packet);

// An instance as a new spawner is told of it. The descriptors are the kept ones: the spawner, a fork, owns
// its copies.
struct Inheritance {
  Keep keep;
  int pidfd = -1;
  int errors = -1;
};

class KeptInstances {
 public:
  // Takes what the spawner has said since. False when its end of the socket is closed.
  bool receive(int control);
  // The supervisor has waited for that process: it was the child of a spawner that has died.
  void forget(pid_t pid) { kept_.erase(pid); }

  // For the next spawner, valid until the next change.
  std::vector<Inheritance> all() const;
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    Keep keep;
    std::string label;
    base::Fd pidfd;
    base::Fd errors;
  };
  std::map<pid_t, Kept> kept_;
};

}  // namespace remuda::spawner
