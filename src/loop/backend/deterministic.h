// SPDX-License-Identifier: Apache-2.0
//
// DeterministicBackend: an imitation of the kernel for tests. Streams, pipes, listeners and files live in
// memory, the clock is made up, and the n-th operation fails when it is told to; so a test runs a story under
// every failure, in microseconds, and the same way each time (every_failure.h does that).
//
//     DeterministicBackend backend;
//     Loop loop(backend);
//     const auto [near, far] = backend.connection();        // near: for the story; far: the test's own end
//     backend.put(far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//     loop.root().spawn(serve(LoopFd(loop, base::Fd(near))));
//     loop.run();                                           // until no story is left; time jumps as needed
//     EXPECT_EQ(backend.take(far), "HTTP/1.1 200 OK\r\n...");
//
// Descriptors are numbers far above real ones, never used twice; a real system call on one fails with EBADF.
// Buffers are bounded, so back-pressure appears. An end of a connection can be used from both sides: by
// stories, or by the test with put(), take(), end_sending(), reset() and close(), which count nothing and
// never fail. What happens later is put in the script with after(). One thread; post() from the loop's own
// thread only.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loop/backend.h"

namespace remuda::loop {

// Who moves the clock.
enum class ClockMode : uint8_t {
  kJumps,   // when nothing can happen, time jumps to the next deadline or the next line of the script
  kByTest,  // only advance() does, and wait() never waits: for tests that call Loop::turn themselves
};

class DeterministicBackend final : public Backend {
 public:
  static constexpr size_t kBufferBytes = 64 * 1024;

  struct Ends {
    int near;
    int far;
  };
  struct PipeEnds {
    int read;
    int write;
  };

  DeterministicBackend() = default;
  ~DeterministicBackend() override;
  DeterministicBackend(const DeterministicBackend&) = delete;
  DeterministicBackend& operator=(const DeterministicBackend&) = delete;

  // --- the world: made and moved by the test ---

  // A connected pair; each direction holds `buffer` bytes that were sent and not received.
  Ends connection(size_t buffer = kBufferBytes);
  PipeEnds pipe(size_t buffer = kBufferBytes);
  // A listening socket; with an address, operations that connect to it find it.
  int listener();
  int listener(const sockaddr* address, socklen_t length);
  // A new connection in the listener's queue; returns the test's end. `peer` is what accept reports.
  int connect_to(int listener, size_t buffer = kBufferBytes);
  // An unconnected socket, for a story that connects. Addresses without a listener refuse (ECONNREFUSED).
  int socket();
  // Connecting to this address never completes.
  void make_black_hole(const sockaddr* address, socklen_t length);
  // A file for send_file (real descriptors work too).
  int file(std::string contents);
  // Something that becomes readable once (a pidfd): see set_readable().
  int signal();
  void set_readable(int signal);

  // Writes as the owner of `end`. Returns how many bytes found room.
  size_t put(int end, std::string_view bytes);
  // Reads what waits at `end`, at most `most` bytes.
  std::string take(int end, size_t most = SIZE_MAX);
  bool input_ended(int end) const;  // the other end sends no more, and all it sent was taken
  bool is_reset(int end) const;     // the other end went without reading, or reset the connection
  bool is_open(int fd) const;
  void reset(int end);  // the other end sees ECONNRESET

  void after(Duration delay, std::function<void()> call);
  void set_clock(ClockMode mode) { clock_mode_ = mode; }
  void advance(Duration by) { clock_ += by; }

  // --- failures ---

  // The n-th operation from the start of the backend (1 is the first) fails with `error` instead of being
  // performed. ECONNRESET and EPIPE break its stream too; ECANCELED cancels the loop's root scope, at any
  // operation; other errors spare those without a descriptor (timeouts, events).
  void fail_operation(size_t number, int error);
  size_t operations_started() const { return operations_started_; }
  bool has_failed() const { return has_failed_; }
  // No send or receive moves more than that: 1 finds who forgets the rest.
  void set_largest_transfer(size_t bytes) { largest_transfer_ = bytes; }

  size_t pending_operations() const { return pending_.size(); }
  // Every story waited for what could never come. The root scope was then cancelled with EDEADLK.
  bool was_stuck() const { return was_stuck_; }

  // --- Backend ---
  Time now() override { return clock_; }
  bool start(Operation& operation) override;
  void cancel(Operation& operation, int error) override;
  void cancel_reading(int fd) override;
  void wait(Time now, Time until) override;
  void deliver() override;
  void close(int fd) override;
  int end_sending(int fd) override;
  bool peer_ended_sending(int fd) const override;
  void detach(int fd) override;
  void wake() override { woken_ = true; }
  size_t open_descriptors() const override;
  void set_wake_up(int, WakeUp) override {}

 private:
  enum class Kind : uint8_t { kStream, kPipe, kListener, kSocket, kFile, kSignal };

  struct Descriptor {
    Kind kind;
    bool open = true;
    bool used = false;             // given to an operation, or made by one: somebody has to close it
    bool receiving_ended = false;  // the other end sends no more
    bool sending_ended = false;
    bool reset = false;
    bool ready = false;     // of a signal
    int other = -1;         // the other end
    size_t room = 0;        // most bytes in `contents`
    std::string contents;   // received and not read yet; of a file, everything
    std::deque<int> queue;  // of a listener: connections to be accepted
  };
  struct Pending {
    Operation* operation;
    uint64_t number;
  };

  int add(Descriptor descriptor);
  Descriptor* find(int fd);
  const Descriptor* find(int fd) const;
  Descriptor& at(int fd);
  bool is_cut_off(const Descriptor& end) const;

  bool is_ready(const Operation& operation) const;
  int64_t attempt(Operation& operation);
  int64_t receive(Descriptor& end, std::span<const iovec> into);
  int64_t send(Descriptor& end, std::span<const iovec> bytes);
  int64_t send_file(Descriptor& end, Operation& operation);
  int64_t splice(Descriptor& end, Operation& operation);
  int64_t accept(Descriptor& listener, Operation& operation);
  int64_t connect(Operation& operation);
  bool inject_failure(Operation& operation);
  void check_alone(const Operation& operation) const;
  void give_up_waiting();
  void run_script();

  static constexpr int kFirstNumber = 1 << 24;

  Time clock_ = Time{} + std::chrono::hours(1);
  ClockMode clock_mode_ = ClockMode::kJumps;
  std::atomic<bool> woken_ = false;  // by whatever thread posts
  bool has_failed_ = false;
  bool was_stuck_ = false;
  Loop* loop_ = nullptr;  // of the first operation
  size_t operations_started_ = 0;
  size_t failing_operation_ = 0;
  int failure_ = 0;
  size_t largest_transfer_ = SIZE_MAX;
  std::deque<Descriptor> descriptors_;
  std::vector<Pending> pending_;
  std::multimap<Time, std::function<void()>> script_;
  std::map<std::string, int, std::less<>> listeners_;  // by address; -1: a black hole
};

}  // namespace remuda::loop
