// SPDX-License-Identifier: Apache-2.0
//
// The chunk is half full when no line of the longest kind is sure to fit any more.
#include "server/access_log.h"

#include <chrono>

namespace remuda::server {

namespace {
constexpr std::chrono::milliseconds kDelay{100};
static_assert(LogChunk::kBytes >= 2 * kLongestLine);
}  // namespace

AccessLog::AccessLog(loop::Loop& loop, LogWriter& writer, AccessFormat format)
    : Timer(&AccessLog::time_is_up),
      loop_(loop),
      writer_(writer),
      format_(format),
      chunk_(std::make_unique_for_overwrite<LogChunk>()) {}

AccessLog::~AccessLog() {
  flush();
  writer_.count_dropped(chunk_->lines);
}

void AccessLog::add(const http::Exchange& exchange, const http::Record& record) {
  if (!make_room()) {
    writer_.count_dropped(1);
    return;
  }
  const bool is_first = chunk_->lines == 0;
  const std::span<char> room = std::span(chunk_->bytes).subspan(chunk_->used);
  chunk_->used += write_access_line(room, format_, exchange, record, loop_.now(), clock_);
  ++chunk_->lines;
  if (is_first) loop_.arm(*this, loop_.now() + (writer_.is_terminal() ? loop::Duration() : kDelay));
}

bool AccessLog::make_room() {
  const auto fits = [this] { return LogChunk::kBytes - chunk_->used >= kLongestLine; };
  if (fits()) [[likely]]
    return true;
  flush();
  return fits();
}

void AccessLog::flush() {
  disarm();
  if (chunk_->lines == 0) return;
  if (!writer_.exchange(chunk_)) loop_.arm(*this, loop_.now() + kDelay);
}

void AccessLog::time_is_up(loop::Timer& timer) { static_cast<AccessLog&>(timer).flush(); }

}  // namespace remuda::server
