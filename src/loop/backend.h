// SPDX-License-Identifier: Apache-2.0
//
// Backend: the seam between the loop and the kernel (or a test's imitation of it). Completion-shaped: callers
// say what they want done, not what they want to be told.
//
// Contract, for every implementation (epoll today; io_uring would submit in start() and complete in wait()):
//   - start() either completes the operation at once (result is set, true) or keeps it until it completes
//   (false).
//   - Every operation kept is completed exactly once: by Loop::complete_now from deliver(), or by
//   complete_soon after cancel().
//   - cancel() asks; completion with the given error may come at once or later, and the operation may still
//   win.
//   - At most one reading, one writing and one hang-up operation is pending on a descriptor at a time.
//   - A descriptor that was given to start() is closed through close(), with no operation pending on it.
// One backend belongs to one loop and its thread.
#pragma once

#include "loop/operation.h"
#include "loop/time.h"

namespace remuda::loop {

// How many loops wait on the same listening socket (see EpollBackend).
enum class WakeUp : uint8_t { kAll, kOne };

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Time now() = 0;
  virtual bool start(Operation& operation) = 0;
  virtual void cancel(Operation& operation, int error) = 0;
  // Cancels what reads on `fd`, if anything does.
  virtual void cancel_reading(int fd) = 0;
  // Waits until something can be completed or `until` has come (`now` is what the caller takes for now).
  virtual void wait(Time now, Time until) = 0;
  // Completes what the last wait() found. Apart from wait(), so that the loop reads the clock in between: the
  // stories that go on set their deadlines from it.
  virtual void deliver() = 0;
  virtual void close(int fd) = 0;
  // Ends the sending direction of a stream: shutdown(2) with SHUT_WR. 0 or an errno.
  virtual int end_sending(int fd) = 0;
  // Whether the peer is known to send no more. Known only of a descriptor on which something waits.
  virtual bool peer_ended_sending(int fd) const = 0;
  // Forgets a descriptor that lives on elsewhere (a shared listener): closes nothing.
  virtual void detach(int fd) = 0;
  // Ends a wait() that is under way, or the next one. The only call for other threads.
  virtual void wake() = 0;
  // Descriptors that started something here and were not closed or detached.
  virtual size_t open_descriptors() const = 0;
  virtual void set_wake_up(int listener, WakeUp wake_up) = 0;
};

}  // namespace remuda::loop
