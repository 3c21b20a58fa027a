// SPDX-License-Identifier: Apache-2.0
//
// Journey: the record of one start and its end (principle 12): steps, times, user, exit status, last
// lines of standard error. The same record makes the log lines, the metrics and the page that a developer
// sees.
//
// Owned by the Lease; one loop, one thread. Times that did not come are Time{}.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "loop/time.h"

namespace remuda::apps {

// How a program ended, or why it never ran.
struct Ending {
  enum class Kind : uint8_t {
    kRunning,     // it has not
    kExited,      // code: its exit status
    kSignaled,    // code: the signal
    kNotStarted,  // code: errno; step and detail say what failed
    kUnknown,     // whoever would have waited for it died meanwhile: it has ended, nobody knows how
    kLost,        // the spawner died while it started the program: it may never have run
  };
  Kind kind = Kind::kRunning;
  int code = 0;
  bool core_dumped = false;
  std::string_view step;  // static text
  std::string detail;     // a missing interpreter's path; what went wrong, perhaps in several lines
  bool failed_in_exec =
      false;  // the program itself could not be run: not there, not executable, no "#!" line
  bool missing_interpreter = false;
  bool left_others = false;  // processes of its group that it started and that run on

  bool ended() const { return kind != Kind::kRunning; }
  bool success() const { return kind == Kind::kExited && code == 0; }
};

// "exited with status 3", "killed by signal 9 (Killed)", "exec: Permission denied"
std::string to_string(const Ending& ending);

struct Journey {
  std::string_view app;   // of the source: outlives every journey
  std::string_view user;  // who it runs as; empty: like the server
  std::string program;
  pid_t pid = 0;
  loop::Time asked{};     // acquire() was called
  loop::Time admitted{};  // a place was free
  loop::Time received{};  // by the spawner
  loop::Time started{};   // exec had succeeded, or failed
  loop::Time ended{};
  Ending ending;
  std::string_view stopped;  // static text: why the server sent it TERM; empty if it did not
  int64_t cpu_user_us = 0;
  int64_t cpu_system_us = 0;
  int64_t max_resident_kib = 0;
  size_t environment_entries = 0;
  uint64_t error_bytes = 0;             // written to standard error
  std::deque<std::string> error_lines;  // the last kErrorLines, escaped

  static constexpr size_t kErrorLines = 10;
  void add_error_line(std::string_view line);
};

// Text lines, without newlines, for the log and the development page.
std::vector<std::string> to_lines(const Journey& journey);

}  // namespace remuda::apps
