// SPDX-License-Identifier: Apache-2.0
//
// What a farm is told. Plain values with the defaults of the configuration's reference; the composition
// translates. With several worker processes it divides the numbers first.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/endpoint.h"
#include "apps/remote/balancer.h"
#include "base/peer.h"
#include "loop/time.h"

namespace remuda::apps::remote {

// Active checks: asked of each peer whether anybody wants something of it or not.
struct CheckRules {
  loop::Duration interval = std::chrono::seconds(5);  // 0: none
  loop::Duration timeout = std::chrono::seconds(2);
  std::string path;  // empty: a connection that is accepted is enough
  int status = 0;    // 0: any below 500
};

struct FarmOptions {
  std::string name;
  std::string type = "fastcgi";  // for status
  std::vector<base::Peer> peers;
  Policy policy = Policy::kLeastConnections;
  HealthRules health;
  CheckRules checks;
  uint32_t concurrency = 1024;  // requests at once in all; at each peer: as it says itself
  size_t queue = 128;
  loop::Duration queue_time = std::chrono::seconds(30);
  loop::Duration resolve_interval = std::chrono::seconds(30);  // names of peers are looked up again

  // What one loop keeps open at one peer. Short by default: a peer may be a few processes that serve one
  // connection at a time each, and nobody can tell.
  KeepRules keep{.idle = 8, .idle_time = std::chrono::seconds(1), .requests = UINT32_MAX};
};

}  // namespace remuda::apps::remote
