// SPDX-License-Identifier: Apache-2.0
//
// Fd: sole owner of a file descriptor. Closes it when it goes. Any thread, no locking.
#pragma once

#include <unistd.h>

#include <utility>

namespace remuda::base {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

  // Gives the descriptor away: the caller closes it.
  int release() { return std::exchange(number_, -1); }

  void reset(int number = -1) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

 private:
  int number_ = -1;
};

}  // namespace remuda::base
