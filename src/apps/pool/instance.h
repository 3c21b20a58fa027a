// SPDX-License-Identifier: Apache-2.0
//
// Instance: one process of a group as every loop may see it. What its keeper on the home loop knows besides
// (its program, its memory) is in instance_keeper.h.
//
//     starting --accepts--> ready --too old, too big, too many, restart--> draining --no request--> stopping
//        |                    '---condemned: killed, hangs, out of memory--------------------------->  |
//        '---start timeout------------------------------------------------------------------------>    '-->
//        gone
//
// The first part never changes once it is lent; the rest is under the group's mutex.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/endpoint.h"
#include "apps/journey.h"
#include "apps/status.h"
#include "loop/time.h"

namespace remuda::apps::pool {

struct Instance {
  using State = InstanceStatus::State;

  // What one loop has to do with it.
  struct AtLoop {
    uint32_t busy = 0;  // requests
    uint32_t idle = 0;  // connections kept open without a request
  };

  uint64_t id = 0;
  std::string name;    // "blog[1234]"
  std::string socket;  // its path, or "tcp:127.0.0.1:PORT"
  uint32_t generation = 1;

  State state = State::kStarting;
  Capacity capacity;
  bool keeps_connections = true;
  uint32_t busy = 0;
  uint64_t running = 0;       // their numbers, XORed: with one of them, its number
  std::vector<AtLoop> loops;  // by the loop's place in the group
  loop::Time busy_since{};    // while busy > 0
  loop::Duration worked{};    // with at least one request
  loop::Time last_used{};
  uint64_t requests = 0;          // answered
  uint64_t look_at = UINT64_MAX;  // home wants to look at it after so many requests
  uint32_t failures = 0;          // since the last that was answered
  bool doubtful = false;          // broke off or refused: not lent until home has looked whether it lives
  Journey journey;                // of its start, with its last words
  std::string_view condemned;     // static text: why it has to end now; empty if it does not

  bool takes_requests() const { return state == State::kReady && !doubtful && busy < capacity.requests; }
};

}  // namespace remuda::apps::pool
