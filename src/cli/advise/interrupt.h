// SPDX-License-Identifier: Apache-2.0
//
// Interrupt: Ctrl-C and its like (SIGINT, SIGTERM, SIGHUP) as a descriptor, so that every wait ends with them
// and what was started is stopped and removed. From construction to destruction the signals do nothing else.
// One at a time, in a process with one thread.
#pragma once

#include <signal.h>

#include <chrono>

#include "base/fd.h"

namespace remuda::cli::advise {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Readable when one has come; for poll(2).
  int descriptor() const { return signals_.get(); }
  // Whether one has come, and which: 0, or the signal's number.
  int number();
  bool has_come() { return number() != 0; }
  // Waits, unless or until one comes.
  void pause(std::chrono::milliseconds duration);

  // What a child is to have: the signals as they were before.
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
  base::Fd signals_;
  int number_ = 0;
};

}  // namespace remuda::cli::advise
