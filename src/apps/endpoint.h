// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: one instance of a pool, or one peer of a farm, as one loop sees it: something that answers
// requests over connections. A Source makes it, a Lease lends it, a wire keeps its connections in it.
//
//     Pool / Farm  (the whole worker)  1 ---- n  Instance / Peer
//     Endpoint     (one loop)          1 ---- 1  Instance / Peer,  1 ---- 1  Connections (the wire's)
//
// Belongs to one loop and its thread; outlives its Leases. Nothing here knows a wire or HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "loop/time.h"

namespace remuda::apps {

// What an instance or peer can take at once, as it says itself or as it is configured.
struct Capacity {
  uint32_t requests = 1;     // over all connections
  uint32_t connections = 1;  // at once; UINT32_MAX: as many as wanted
  bool multiplexes = false;  // several requests over one connection
  bool operator==(const Capacity&) const = default;
};

// What the wire keeps open at an endpoint between requests. Made by the wire, destroyed by the endpoint on
// its loop.
class Connections {
 public:
  virtual ~Connections() = default;
  // Connections without a request. They count as taken at a process that serves one at a time.
  virtual size_t idle() const = 0;
  // Lets go of all that are idle, now: somebody else needs the process. Those in use close when their last
  // request has ended.
  virtual void close_idle() = 0;
};

// How long and how many connections may stay open without a request (a process that serves one connection at
// a time is pinned by one that idles).
struct KeepRules {
  uint32_t idle = 1;  // at most so many; 0: close after each request
  loop::Duration idle_time = std::chrono::seconds(60);
  uint32_t requests = UINT32_MAX;  // a connection is closed after so many
};

class Endpoint {
 public:
  virtual ~Endpoint() = default;

  virtual uint64_t id() const = 0;            // of the instance or peer: the same on every loop, never 0
  virtual std::string_view name() const = 0;  // "blog[1234]", "10.0.0.7:9000": for logs

  // A new connection, non-blocking. Whatever the error (ECONNREFUSED, ENOENT, ETIMEDOUT, EMFILE ...), no
  // request has begun.
  virtual loop::Task<base::Result<loop::LoopFd>> connect(loop::Time deadline) = 0;

  virtual const KeepRules& keep_rules() const = 0;

  // What the wire has learnt by asking (FCGI_GET_VALUES), or from a connection that died on its second
  // request (then keeping is over: keep_rules().idle is 0 from now on). Any number of times.
  virtual Capacity capacity() const = 0;
  virtual void learned(const Capacity& capacity) = 0;
  virtual void cannot_keep_connections() = 0;
  // One was closed under a request that was not its first, without a word: as a peer does that grew tired of
  // waiting, or died of the request (Source::outlived).
  virtual void lost_kept_connection() {}
  // It refused a second request on a connection: from now on it is given one at a time, whatever is
  // configured.
  virtual void cannot_multiplex() { learned(Capacity{}); }
  // Of an instance: which program, perhaps another one than before. What was learnt of it holds for all.
  virtual uint32_t generation() const { return 0; }

  std::unique_ptr<Connections> connections;
};

// Finds out whether something that answers is there, over whatever wire the application speaks. Given to
// pools and farms by the composition; the gateway has one for each wire. One loop.
class Prober {
 public:
  virtual ~Prober() = default;
  // Asks for `path` over a connection of its own and wants `status` (0: any below 500). An empty path: a
  // connection that is accepted is enough. The error says what came instead, for people.
  virtual loop::Task<base::Result<void>> probe(Endpoint& endpoint, std::string_view path, int status,
                                               loop::Time deadline) = 0;
  // Why the last probe() that failed did: one line, for people.
  virtual std::string_view trouble() const = 0;
};

}  // namespace remuda::apps
