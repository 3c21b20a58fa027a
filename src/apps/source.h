// SPDX-License-Identifier: Apache-2.0
//
// Source and Lease: the continuum of concurrency models as one interface. A Source hands out a Lease on
// something that can answer one request, and takes it back: exec starts a process, fork asks a template, pool
// lends an instance, remote connects to a peer. How bytes travel over the lease is the wire's business, which
// a Source does not know.
//
//     Source    exec --> Lease with Pipes          one process for one request: its three streams
//               pool --> Lease with an Endpoint    an instance that is reached over connections
//             remote --> Lease with an Endpoint    a peer, likewise
//
// Both belong to one loop and its thread; a Source outlives its Leases. Nothing here knows HTTP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "apps/endpoint.h"
#include "apps/journey.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/scope.h"
#include "loop/task.h"
#include "loop/time.h"

namespace remuda::apps {

// Where a started program reads its input from.
enum class InputFrom : uint8_t {
  kNothing,  // end of file at once
  kPipe,     // Pipes::input(), written by the holder
  kFile,     // StartRequest::input_file, from where it stands
};

// What is to be done. Views outlive acquire().
struct StartRequest {
  // For sources that start a program for each request.
  std::string_view program;      // absolute; empty: the application's fixed program
  std::string_view environment;  // "NAME=value\0" one after the other
  InputFrom input = InputFrom::kNothing;
  int input_file = -1;

  // For everybody: what status shows. Copied.
  uint64_t request = 0;
  std::string_view method;
  std::string_view target;

  // For sources that choose among several: the same key goes to the same one if it can (a sticky cookie's
  // value, or what a consistent hash is made of). Empty: no wish.
  std::string_view key;
  // Every Endpoint::id() that has failed this request, the latest last: another one if there is any, else the
  // one whose turn was longest ago.
  std::span<const uint64_t> tried;
};

// Of one endpoint among StartRequest::tried: 0 if it is not, else the higher, the later it was.
inline size_t turn_among(std::span<const uint64_t> tried, uint64_t endpoint) {
  size_t turn = tried.size();
  while (turn > 0 && tried[turn - 1] != endpoint) --turn;
  return turn;
}

struct AcquireFailure {
  enum class Reason : uint8_t {
    kQueueFull,     // too many wait already
    kQueueTimeout,  // waited too long for its turn
    kHopeless,      // the wait would be longer than is allowed: said at once
    kCancelled,     // the waiting scope was cancelled: the client left, or somebody ended the request
    kTooLarge,      // program or environment beyond what a process can be given
    kNotStarting,   // instances end before they can answer (crash loop): the next attempt is in retry_after
    kAllDown,       // no peer is up: likewise
    kUnavailable,   // descriptors, memory, the spawner
  };
  Reason reason = Reason::kUnavailable;
  base::Error error;
  std::chrono::seconds retry_after{1};
  std::string trouble;  // one line more, for the log and the page: why instances do not start; may be empty
  std::string details;  // for the development page: the journey of the last start, a line each; may be empty
};

// Where a request stands, for status. In the order in which it goes through them.
enum class Phase : uint8_t { kQueue, kStart, kSend, kApplication, kReply };

// How the holder leaves the lease; kGivenUp unless said.
enum class Outcome : uint8_t {
  kAnswered,  // a whole answer came
  kGivenUp,   // the client left, the request was refused elsewhere: says nothing of who was to answer
  kRefused,   // no connection: the request did not begin
  kDeclined,  // "overloaded", "one at a time": likewise, said in good health
  kFailed,    // closed early, sent garbage: whoever does that often is avoided
  kTimedOut,  // took longer than its time limit
};

// The streams of a program that was started for one request. Descriptors are non-blocking and belong to the
// lease: no operation is pending on one that is closed.
class Pipes {
 public:
  virtual int input() const = 0;  // -1: there is none
  virtual int output() const = 0;
  virtual int errors() const = 0;
  virtual void close_input() = 0;
  virtual void close_output() = 0;
  virtual void close_errors() = 0;

  // Ends when the process has ended or could not be started (journey().ending says how).
  virtual loop::Task<base::Result<void>> wait_ended(loop::Time deadline) = 0;

  // TERM, then KILL, to what is left of its group after it has ended: those that it started and that hold its
  // output open.
  virtual void terminate_rest() = 0;

 protected:
  ~Pipes() = default;
};

// The right to talk to one process for one request. Destroying it gives it back; what was started for it and
// still runs then is stopped.
class Lease {
 public:
  virtual ~Lease() = default;

  // Exactly one of the two.
  virtual Pipes* pipes() { return nullptr; }
  virtual Endpoint* endpoint() { return nullptr; }

  // Ends the process that works on it: TERM to the whole group, KILL some seconds later if it has not ended.
  // Of a pool the instance, which is replaced; of a farm nothing. `why` is static text, for the journey.
  virtual void terminate(std::string_view why) = 0;

  virtual void finish(Outcome outcome) = 0;
  virtual void at(Phase phase) = 0;
  // Cancelled with ECANCELED when somebody ends this request from outside (remuda kill). Until the lease
  // goes, or null is given.
  virtual void watch_kill(loop::Scope* scope) = 0;

  // Of the process that answers: for a pool, of the instance's start; for a farm, empty but for the name.
  virtual Journey& journey() = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // Waits for a place until the source's own queue time has passed, or `deadline` if that is sooner.
  virtual loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> acquire(
      const StartRequest& request, loop::Time deadline) = 0;
  virtual std::string_view name() const = 0;

  // Whether an endpoint that is none of these could be lent now: who has let a request wait in vain is not
  // asked a second time.
  virtual bool has_another(std::span<const uint64_t> /*tried*/) { return true; }

  // Of an endpoint that has closed a kept connection under a request, without a word: whether its process
  // lives on, for certain. Then it is not the request that ends processes, and it may be asked again if it is
  // idempotent. Once for each such request; may take some milliseconds.
  virtual loop::Task<bool> outlived(uint64_t /*endpoint*/) { co_return false; }
};

}  // namespace remuda::apps
