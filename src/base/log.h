// SPDX-License-Identifier: Apache-2.0
//
// Log: the error log of one process, for what people who run the server have to know.
//
//     2026-11-21T08:00:00.123Z warning [worker 1234] app gitweb: exit status 2 before the head ended
//
// One object for each process, made after the last fork of that process and passed by reference; there is no
// global one. Any thread may write. Asynchronous (workers): lines wait in a bounded queue for a thread of its
// own; when the queue is full the oldest are lost, counted and reported, and nobody waits. Synchronous
// (supervisor, spawner): the line is out when the call returns, but a reader that takes nothing is waited for
// once and briefly, then passed over. Control bytes in a message are escaped, and a newline goes on in an
// indented line, so that no byte from outside makes a line of its own.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remuda::base {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

enum class LogDelivery : uint8_t { kSynchronous, kAsynchronous };

struct LogOptions {
  // "stderr", "stdout", "syslog" (for when stderr is a client's socket), "off", or the path of a file, which
  // is appended to and made if it is missing (mode 0640), but not reached through a symbolic link.
  std::string to = "stderr";
  std::string process;  // "supervisor", "spawner", "worker": stands in every line
  LogLevel level = LogLevel::kInfo;
  LogDelivery delivery = LogDelivery::kSynchronous;
  size_t queue_bound = 1024;  // lines, if asynchronous; some 400 bytes each, taken at once
};

class Log {
 public:
  using Line = std::function<void(std::string_view)>;

  // Errors: of open(2).
  static Result<std::unique_ptr<Log>> open(LogOptions options);
  // For tests: synchronous, hands each line (with its newline) to `line`.
  static std::unique_ptr<Log> into(Line line, LogLevel level = LogLevel::kDebug);
  // Writes what waits, for at most about a second if nobody takes it.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  template <typename... Values>
  void debug(fmt::format_string<Values...> text, Values&&... values) {
    log(LogLevel::kDebug, text, fmt::make_format_args(values...));
  }
  template <typename... Values>
  void info(fmt::format_string<Values...> text, Values&&... values) {
    log(LogLevel::kInfo, text, fmt::make_format_args(values...));
  }
  template <typename... Values>
  void warning(fmt::format_string<Values...> text, Values&&... values) {
    log(LogLevel::kWarning, text, fmt::make_format_args(values...));
  }
  template <typename... Values>
  void error(fmt::format_string<Values...> text, Values&&... values) {
    log(LogLevel::kError, text, fmt::make_format_args(values...));
  }
  void write(LogLevel level, std::string_view message);

  bool shows(LogLevel level) const;

  // Opens the file anew (after it was moved away); keeps the old one, and says so, if that fails. Does
  // nothing to other targets.
  void reopen();

  // Lines that were lost: overrun in the queue, or a full disk, or a reader that is gone or too slow.
  uint64_t lost() const;

 private:
  struct Parts;

  explicit Log(std::unique_ptr<Parts> parts);
  void log(LogLevel level, fmt::string_view text, fmt::format_args values);

  std::unique_ptr<Parts> parts_;
};

// `bytes` with control bytes (also newlines), backslashes and bytes beyond ASCII as \n, \t, \\, \x1b: for
// text that a person sees.
std::string escaped(std::string_view bytes);

}  // namespace remuda::base
