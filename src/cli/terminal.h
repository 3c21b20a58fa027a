// SPDX-License-Identifier: Apache-2.0
//
// Where a command writes: results to one stream, mistakes to the other. Under inetd mistakes go to syslog
// instead, because there standard error is the client.
#pragma once

#include <cstdio>
#include <string_view>

#include "config/read.h"

namespace remuda::cli {

// What the shell is told.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;   // a check failed, the server could not start
inline constexpr int kUsage = 2;     // the command line itself is wrong
inline constexpr int kNoServer = 3;  // no server answers

class Terminal {
 public:
  // Both outlive the terminal.
  Terminal(std::FILE* results, std::FILE* mistakes) : results_(results), mistakes_(mistakes) {}
  virtual ~Terminal() = default;
  Terminal(const Terminal&) = default;
  Terminal& operator=(const Terminal&) = default;

  void print(std::string_view text) const;             // as it is
  virtual void complain(std::string_view line) const;  // and a line end

  void report(const config::Diagnostics& diagnostics) const;

  // Where results go; -1 if that is no file.
  int descriptor() const { return ::fileno(results_); }

 private:
  std::FILE* results_;
  std::FILE* mistakes_;
};

}  // namespace remuda::cli
