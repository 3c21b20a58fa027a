// SPDX-License-Identifier: Apache-2.0
//
// What a pool and its groups are told. Plain values with the defaults of the configuration's reference; the
// composition translates. With several worker processes it divides the numbers first.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "apps/endpoint.h"
#include "loop/time.h"

namespace remuda::apps::pool {

// The budget over all applications of a worker process. Zeros are automatic.
struct PoolOptions {
  uint64_t memory = 0;                   // bytes of PSS; 0: cgroup limit or what is available, less reserve
  uint64_t reserve = 256 * 1024 * 1024;  // left to everybody else, when automatic
  uint32_t instances = 0;                // 0: as memory and cores allow
  uint32_t cores = 0;                    // 0: those that this process may run on
  uint32_t processes = 1;  // worker processes that share memory and cores, where these are automatic
};

// Where an instance accepts connections.
enum class ListensAt : uint8_t {
  kDescriptor,  // its descriptor 0, a unix socket that listens already
  kSocket,      // a unix socket that it makes itself, named by REMUDA_SOCKET and {socket} in its arguments
  kPort,        // a port of 127.0.0.1, likewise: PORT and {port}
};

// One application.
struct GroupOptions {
  std::string name;
  std::string type = "fastcgi";  // for status
  std::string user;              // who instances run as, for journeys; empty: like the server
  std::string program;           // for journeys; what really runs stands in the spawner's rules
  uint32_t app = 0;              // its number in the spawner's table

  ListensAt listens_at = ListensAt::kDescriptor;

  uint32_t min = 0;          // kept even when nothing asks for them
  uint32_t max = 0;          // 0: automatic (sizing.h)
  uint32_t spare = 0;        // free ones kept beside those at work
  uint32_t guaranteed = 0;   // of the budget, whatever other applications do; at least one
  uint32_t concurrency = 0;  // requests at once in each; 0: one, or what it says of itself
  loop::Duration idle_time = std::chrono::minutes(5);       // then one too many ends
  uint64_t max_requests = 0;                                // then it is replaced; 0: no limit
  loop::Duration max_age{};                                 // likewise
  uint64_t memory_soft = 0;                                 // bytes of PSS: then it is replaced; 0: no limit
  uint64_t memory_hard = 0;                                 // then it is killed
  loop::Duration start_timeout = std::chrono::seconds(30);  // until it accepts
  loop::Duration drain_time = std::chrono::minutes(2);      // for its last requests, when it is to end
  loop::Duration back_off = std::chrono::seconds(1);        // after a start that failed; doubles
  loop::Duration back_off_most = std::chrono::seconds(60);

  size_t queue = 128;
  loop::Duration queue_time = std::chrono::seconds(30);

  // `idle` is what one loop keeps open at one instance; UINT32_MAX: as many as it takes connections.
  KeepRules keep{.idle = UINT32_MAX, .idle_time = std::chrono::seconds(60), .requests = UINT32_MAX};

  // What new instances have to answer in a rolling restart; an empty path: to accept is enough.
  std::string health_path;
  int health_status = 0;  // 0: any below 500
  loop::Duration health_timeout = std::chrono::seconds(5);
};

}  // namespace remuda::apps::pool
