// SPDX-License-Identifier: Apache-2.0
//
// LogFile: where the lines of a log go: a file that is appended to, or a standard stream.
//
// Takes whole lines only. What fails in the middle of a line is closed with a newline before anything else is
// written, so that no torn line is glued to the next. Into pipes and terminals, which other processes write
// to as well, go pieces of whole lines of at most PIPE_BUF bytes, each after a wait with patience: the writer
// is never caught in write(2) by a reader that stalls. One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace remuda::base {

class LogFile {
 public:
  // Asked whenever the reader takes nothing: how many milliseconds to wait now; 0 gives up.
  using Patience = std::function<int()>;

  struct Outcome {
    size_t lines_lost = 0;
    int error = 0;  // why they were: ENOSPC, EIO, EPIPE, EAGAIN (patience has ended), ...
  };

  // "stdout", "stderr" (or /dev/stdout, /dev/stderr) or a path. Errors: of open(2); ELOOP for a symbolic
  // link; ENXIO for a named pipe that nobody reads.
  static Result<LogFile> open(std::string name, Patience patience);

  // `lines` ends with a newline.
  Outcome write(std::string_view lines);

  // Opens the path anew. Keeps what is open if that fails. Standard streams stay as they are.
  Result<void> reopen();

  const std::string& name() const { return name_; }
  bool is_terminal() const;

 private:
  LogFile(std::string name, Patience patience) : name_(std::move(name)), patience_(std::move(patience)) {}

  void use(Fd file);
  std::string_view next_piece(std::string_view rest) const;
  int write_piece(std::string_view piece, size_t& written);
  bool wait_for_room();

  std::string name_;
  Patience patience_;
  Fd file_;
  bool is_regular_ = false;
  bool torn_ = false;  // the last byte written is in the middle of a line
};

}  // namespace remuda::base
