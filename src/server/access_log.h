// SPDX-License-Identifier: Apache-2.0
//
// AccessLog: one line for each request, in the order in which they ended. Belongs to one loop and its thread.
//
// Lines are formatted without allocation into a chunk of this loop's own, which goes to the process's
// LogWriter when it is half full, or 100 ms after its first line (a terminal gets it at once). Nothing waits
// and nothing locks on the way of a request. Whatever comes from the client is escaped, and cut when it is
// very long.
//
//   combined   192.0.2.1 - - [21/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 1024 "-" "curl/7.88.1"
//   json {"time":"2026-11-21T08:00:00.123Z","id":"00000000000000a1","remote":"192.0.2.1","method":"GET",...}
#pragma once

#include <cstdint>
#include <memory>

#include "http/handler.h"
#include "loop/loop.h"
#include "loop/timer_wheel.h"
#include "server/access_line.h"
#include "server/log_writer.h"

namespace remuda::server {

class AccessLog : private loop::Timer {
 public:
  // `loop` and `writer` outlive the log.
  AccessLog(loop::Loop& loop, LogWriter& writer, AccessFormat format);
  // Hands over what it has.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // What Service::finished is told. Never fails: a line that finds no room is dropped and counted.
  void add(const http::Exchange& exchange, const http::Record& record);

  // Hands what there is to the writer now.
  void flush();

 private:
  static void time_is_up(loop::Timer& timer);
  bool make_room();

  loop::Loop& loop_;
  LogWriter& writer_;
  const AccessFormat format_;
  WallClock clock_;
  std::unique_ptr<LogChunk> chunk_;
};

}  // namespace remuda::server
