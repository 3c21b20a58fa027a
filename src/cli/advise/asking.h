// SPDX-License-Identifier: Apache-2.0
//
// Asking the same thing many times, several at once, for a bounded time: one thread, one poll(2).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/advise/exchange.h"
#include "cli/advise/figures.h"
#include "cli/advise/interrupt.h"

namespace remuda::cli::advise {

struct Asking {
  std::string socket;
  std::string host;
  std::string target;
};

struct Amount {
  uint32_t requests = 1;
  uint32_t at_once = 1;
  std::chrono::milliseconds most{};  // what is unfinished then is cut off
};

// `meanwhile` is called between answers, at most every few milliseconds. Ends early when interrupted.
Answers ask(const Asking& asking, const Amount& amount, Interrupt& interrupt,
            const std::function<void()>& meanwhile = {});

// How the request stands on the wire.
std::string request_text(const Asking& asking);

}  // namespace remuda::cli::advise
