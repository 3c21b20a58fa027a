// SPDX-License-Identifier: Apache-2.0
//
// The two formats of an access log line, written into a given room without allocation. Pure but for the
// clock.
//
// Combined is Apache's: addresses, [time], "request line", status ("-" if nothing was answered), bytes of
// content ("-" for none), referer and user agent; bytes outside printable ASCII, quotes and backslashes as
// \xHH. A JSON line is an object of its own; times of the phases are microseconds since the first byte:
//
//   time id remote method target version host referer user_agent   what was asked; absent if it was not given
//   status received sent content                                   body bytes in, all bytes out, of those
//   content head_us handling_us response_us total_us                       head read, application began, head
//   sent, end handler complete trouble                                       who answered, whether all went
//   out, why not
//
// JSON is UTF-8: bytes that are not become \u00HH.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <span>
#include <string_view>

#include "config/config.h"
#include "http/handler.h"
#include "loop/time.h"

namespace remuda::server {

using config::AccessFormat;

// No line is longer.
constexpr size_t kLongestLine = 32 * 1024;

// Wall time out of the loop's: the difference is looked at again every second.
class WallClock {
 public:
  // `then` in nanoseconds since 1970. `now` is the loop's.
  int64_t nanoseconds(loop::Time then, loop::Time now);
  // "21/Nov/2026:09:00:00 +0100", in the local time zone; valid until the next call.
  std::string_view local_text(int64_t nanoseconds);

 private:
  int64_t difference_ = 0;
  loop::Time looked_at_{};
  std::time_t second_ = -1;
  std::array<char, 32> text_{};
  size_t text_length_ = 0;
};

// Writes the line and its newline into `room` (at least kLongestLine). Returns its length.
size_t write_access_line(std::span<char> room, AccessFormat format, const http::Exchange& exchange,
                         const http::Record& record, loop::Time now, WallClock& clock);

}  // namespace remuda::server
