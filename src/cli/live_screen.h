// SPDX-License-Identifier: Apache-2.0
//
// LiveScreen: a terminal that shows one picture after the other and hears keys. While it lives the terminal
// has no echo, no line editing and another screen; whatever ends the command, a key or a signal, it is put
// back as it was.
#pragma once

#include <termios.h>

#include <chrono>
#include <csignal>
#include <string_view>

#include "base/fd.h"
#include "cli/top_screen.h"

namespace remuda::cli {

class LiveScreen {
 public:
  // Both are the terminal's: keys from `input`, the picture to `output`.
  LiveScreen(int input, int output);
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  ScreenSize size() const;
  void show(std::string_view picture);

  enum class Event : uint8_t { kTime, kResized, kEnd };
  // kEnd: q, Ctrl-C, Ctrl-D, a signal, or the terminal is gone.
  Event wait(std::chrono::steady_clock::time_point until);

 private:
  bool heard_end();
  Event heard_signal();
  void write(std::string_view text) const;

  int input_;
  int output_;
  termios before_{};
  sigset_t signals_before_{};
  base::Fd signals_;
};

}  // namespace remuda::cli
