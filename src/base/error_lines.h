// SPDX-License-Identifier: Apache-2.0
//
// ErrorLines: what a program writes to standard error, cut into lines for the log: bounded, escaped, so that
// no program can forge a log line or send a terminal its commands. Sans-I/O.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace remuda::base {

class ErrorLines {
 public:
  static constexpr size_t kLongest = 1024;  // bytes of a line as written; the rest of it is cut off

  using Take = std::function<void(std::string_view line)>;

  void feed(std::string_view bytes, const Take& take);
  // The last line, if it has no newline.
  void finish(const Take& take);

 private:
  void emit(const Take& take);

  std::string line_;
  bool cut_ = false;
};

// Control characters, backslashes and what is not UTF-8 as \n, \x1b ...
std::string escape_line(std::string_view line);

}  // namespace remuda::base
