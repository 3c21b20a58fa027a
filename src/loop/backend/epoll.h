// SPDX-License-Identifier: Apache-2.0
//
// EpollBackend: tries the system call first and waits second.
//
// Edge-triggered, and registered late: a descriptor enters epoll at its first wait, with the direction that
// waits, and stays until it is closed; so a connection that never had to wait costs no epoll_ctl, and no
// request costs any. A read that returned less than was asked for has emptied the socket: the next read waits
// at once instead of trying (one recv a request), unless the peer has hung up, after which no further edge
// would come.
//
// Listening sockets are level-triggered, since several loops share them. One that has somebody waiting and no
// accept pending leaves epoll until the next accept (it would wake the loop again and again), and is
// forgotten with detach() when the loop takes no more. Where one loop is woken of all that share a listener
// (EPOLLEXCLUSIVE), the kernel wakes the first that sleeps in the order in which they registered: so a loop
// that has accepted a few registers anew, behind the others, or it would take all connections of a quiet
// server. State is kept in a table indexed by descriptor; a
// generation tells a late event for a closed descriptor from one for its successor.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/backend.h"

namespace remuda::loop {

class EpollBackend final : public Backend {
 public:
  // Errors: of epoll_create1 and eventfd.
  static base::Result<std::unique_ptr<EpollBackend>> create();

  Time now() override { return Clock::now(); }
  bool start(Operation& operation) override;
  void cancel(Operation& operation, int error) override;
  void cancel_reading(int fd) override;
  void wait(Time now, Time until) override;
  void deliver() override;
  void close(int fd) override;
  int end_sending(int fd) override;
  bool peer_ended_sending(int fd) const override;
  void detach(int fd) override;
  void wake() override;
  size_t open_descriptors() const override { return open_descriptors_; }
  void set_wake_up(int listener, WakeUp wake_up) override;

  // System calls made for operations so far: the budgets of a request are tests, and this is what they read.
  struct Counts {
    uint64_t performed = 0;   // recv, sendmsg, accept4, ...: one for each attempt
    uint64_t subscribed = 0;  // epoll_ctl
  };
  Counts counts() const { return counts_; }

 private:
  static constexpr int kEventsATurn = 256;
  static constexpr uint8_t kAcceptedATurn = 4;

  struct Descriptor {
    Operation* reading = nullptr;
    Operation* writing = nullptr;
    Operation* hang_up = nullptr;
    uint32_t generation = 0;
    uint16_t interest = 0;  // what epoll was asked for: EPOLLIN, EPOLLOUT
    uint8_t accepted = 0;   // since it last went behind the other loops that share the listener
    bool used : 1 = false;
    bool registered : 1 = false;
    bool drained : 1 = false;  // the next read would block: wait first
    bool hung_up : 1 = false;  // no more edges will come: always try
    bool gone : 1 = false;     // error or both directions closed
    bool listener : 1 = false;
    bool wake_one : 1 = false;
  };

  EpollBackend(base::Fd epoll, base::Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

  Descriptor& descriptor(int fd);
  bool attempt(Operation& operation, Descriptor& state);
  int wait_for(Operation& operation, Descriptor& state);
  int subscribe(int fd, Descriptor& state, uint32_t interest);
  void deliver_to(int fd, uint32_t generation, uint32_t events);
  void unregister(int fd, Descriptor& state);
  void retry(int fd, uint32_t generation, Operation* Descriptor::* slot);
  void drain_wake();

  base::Fd epoll_;
  base::Fd wake_;
  std::vector<Descriptor> descriptors_;
  size_t open_descriptors_ = 0;
  Counts counts_;
  std::array<epoll_event, kEventsATurn> events_;
  std::span<const epoll_event> found_;  // by the last wait(), in events_
};

}  // namespace remuda::loop
