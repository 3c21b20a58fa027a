// SPDX-License-Identifier: Apache-2.0
//
// Gate: how many connections one loop takes, and whether it still takes any. One per loop, that loop's thread
// only, but for what says otherwise.
//
// `connections` at once is one of the three numbers of concurrency. When it is reached the loop lets go of
// its listeners, so that others take what comes; when clients then wait and nobody else takes them,
// kept-alive connections give way: idle ones are closed, busy ones after their response.
#pragma once

#include <cstdint>
#include <vector>

#include "base/counter.h"
#include "loop/event.h"

namespace remuda::server {

class Gate {
 public:
  Gate(loop::Loop& loop, uint32_t most) : room_(loop), most_(most) {}

  void enter() {
    inside_.add();
    entered_.add();
  }
  void leave() {
    inside_.subtract();
    room_.notify_all();
  }
  bool is_full() const { return inside() >= most_; }
  uint32_t most() const { return most_; }

  // Now, and ever. Any thread.
  uint32_t inside() const { return static_cast<uint32_t>(inside_.get()); }
  uint64_t entered() const { return entered_.get(); }

  // Wakes when a connection has ended or the gate has closed.
  auto changed(loop::Time deadline) { return room_.wait(deadline); }

  void close() {
    closed_ = true;
    room_.notify_all();
  }
  bool is_closed() const { return closed_; }

  // Listeners that are watched for waiting clients while the gate is full.
  void add_listener(int listener) { listeners_.push_back(listener); }
  // Whether a connection should end after its current response. One poll(2), only while the gate is full.
  bool should_close() const { return closed_ || (is_full() && somebody_waits()); }

 private:
  bool somebody_waits() const;

  loop::Event room_;
  uint32_t most_;
  base::Counter inside_;
  base::Counter entered_;
  bool closed_ = false;
  std::vector<int> listeners_;
};

}  // namespace remuda::server
