// SPDX-License-Identifier: Apache-2.0
//
// Source and Lease: the continuum of concurrency models as one interface. A Source hands out a Lease on
// something that can answer one request, and takes it back: exec starts a process, fork asks a template, pool
// lends an instance, remote connects to a peer. How bytes travel over the lease is the wire's business, which
// a Source does not know.
//
// Both belong to one loop and its thread; a Source outlives its Leases. Nothing here knows HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "apps/journey.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "loop/time.h"

namespace remuda::apps {

// Where a started program reads its input from.
enum class InputFrom : uint8_t {
  kNothing,  // end of file at once
  kPipe,     // Lease::input(), written by the holder
  kFile,     // StartRequest::input_file, from where it stands
};

// What is to be started, for sources that start a program for each request. Views outlive acquire().
struct StartRequest {
  std::string_view program;      // absolute; empty: the application's fixed program
  std::string_view environment;  // "NAME=value\0" one after the other
  InputFrom input = InputFrom::kNothing;
  int input_file = -1;
};

struct AcquireFailure {
  enum class Reason : uint8_t {
    kQueueFull,     // too many wait already
    kQueueTimeout,  // waited too long for its turn
    kCancelled,     // the waiting scope was cancelled: the client left
    kTooLarge,      // program or environment beyond what a process can be given
    kUnavailable,   // descriptors, memory, the spawner
  };
  Reason reason = Reason::kUnavailable;
  base::Error error;
  std::chrono::seconds retry_after{1};
};

enum class Reuse : uint8_t { kPossible, kImpossible };

// The right to talk to one process for one request. Destroying it gives it back; what still runs then is
// stopped. Descriptors are non-blocking and belong to the lease: no operation is pending on one that is
// closed.
class Lease {
 public:
  virtual ~Lease() = default;

  // -1: there is none. One and the same for sources that lend a connection.
  virtual int input() const = 0;
  virtual int output() const = 0;
  virtual int errors() const = 0;
  virtual void close_input() = 0;
  virtual void close_output() = 0;
  virtual void close_errors() = 0;

  // Ends when the process has ended or could not be started (journey().ending says how); for lent instances
  // at once.
  virtual loop::Task<base::Result<void>> wait_ended(loop::Time deadline) = 0;

  // TERM to the whole group, KILL some seconds later if it has not ended. `why` is static text, for the
  // journey.
  virtual void terminate(std::string_view why) = 0;

  // TERM, then KILL, to what is left of its group after it has ended: those that it started and that hold its
  // output open.
  virtual void terminate_rest() = 0;

  // How the holder leaves it; kImpossible unless said.
  virtual void finish(Reuse reuse) = 0;

  virtual Journey& journey() = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // Waits for a place until the source's own queue time has passed, or `deadline` if that is sooner.
  virtual loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> acquire(
      const StartRequest& request, loop::Time deadline) = 0;
  virtual std::string_view name() const = 0;
};

}  // namespace remuda::apps
