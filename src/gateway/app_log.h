// SPDX-License-Identifier: Apache-2.0
//
// AppLog: where what applications say on their standard error goes, and how what they were asked ended. Given
// by the composition; called on the loop, never waits.
#pragma once

#include <cstdint>
#include <string_view>

#include "apps/journey.h"

namespace remuda::gateway {

class AppLog {
 public:
  virtual ~AppLog() = default;
  // One line, escaped, without its newline.
  virtual void error_line(uint64_t request, std::string_view app, std::string_view line) = 0;
  // The program ended, or its part of the request did. `trouble` is empty if nothing is wrong (exit status 0,
  // an answer was made).
  virtual void ended(uint64_t request, std::string_view trouble, const apps::Journey& journey) = 0;
};

}  // namespace remuda::gateway
