// SPDX-License-Identifier: Apache-2.0
//
// Operation: one thing asked of the outside world that completes exactly once with a result.
//
// It lives in the frame of the coroutine that awaits it. Its life:
//
//     built --start--> completed at once ----------------------------------> resumed (never suspended)
//                \---> pending: in its Scope's list, its deadline armed --.
//                        | the backend completes it        result >= 0 or -errno
//                        | the deadline passes             -ETIMEDOUT
//                        | its Scope is cancelled          -ECANCELED (or the Scope's reason)
//                        '--> completed --> its waiter runs in this turn of the loop or the next
//
// The backend reads the fields that say what is asked and writes `result`; nobody else touches them while
// pending.
#pragma once

#include <sys/socket.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/list.h"
#include "loop/timer_wheel.h"

namespace remuda::loop {

class Loop;
class Scope;

enum class OperationKind : uint8_t {
  kAccept,          // fd listens; pointer: sockaddr_storage* or null; result: the new descriptor
  kConnect,         // pointer: const sockaddr*, length its size; EBUSY: the queue of a unix listener is full
  kReceive,         // recv(2) on a stream: pointer, length (packets: kReceiveMessage)
  kReceiveMessage,  // recvmsg(2): pointer: msghdr*
  kRead,            // read(2): pipes, eventfds, signalfds: pointer, length
  kWrite,           // write(2): pipes: pointer, length
  kSendMessage,     // sendmsg(2): pointer: const msghdr*, flags
  kSendFile,        // sendfile(2): other_fd the file, pointer: off_t*, length
  kSplice,          // splice(2): other_fd read from (a pipe that is ready), length
  kPollReadable,    // until reading would not block (pidfds: until the process has ended)
  kPollWritable,    // until writing would not block
  kPollHangUp,  // until the peer has gone for good: an error or both directions closed; not its half-close
  kTimeout,     // only its deadline; result 0
  kEvent,       // completed by another story of this loop (Event)
  kOffload,     // completed when another thread is done with it; cannot be cancelled
};

// In `flags` of an operation that reads or sends: fail with EAGAIN instead of waiting.
constexpr int kTryOnly = 1 << 30;

struct ScopeMembership {};
struct ReadyMembership {};

// What is asked, as far as the kind needs it.
struct Arguments {
  void* pointer = nullptr;
  size_t length = 0;
  int other_fd = -1;
  int flags = 0;
};

struct Operation : base::Link<ScopeMembership>, base::Link<ReadyMembership>, Timer {
  Operation(Loop& its_loop, OperationKind its_kind, int its_fd, Arguments arguments);

  OperationKind kind;
  bool pending = false;
  int fd;
  Arguments asked;
  int64_t result = 0;
  Loop* loop;
  // What to do on completion: resumes `waiter`, unless its owner wants another call.
  void (*completed)(Operation&);
  std::coroutine_handle<> waiter = nullptr;
};

}  // namespace remuda::loop
