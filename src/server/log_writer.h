// SPDX-License-Identifier: Apache-2.0
//
// LogWriter: the thread that writes the access log of one process, so that no loop ever waits for a disk or
// for whoever reads a pipe.
//
//     AccessLog (loop 1) --chunk--.
//     AccessLog (loop 2) --chunk--+--> queue, bounded --> thread --> file
//           ^-------- empty chunks -----------------------'
//
// When the queue is full, loops keep their chunk, and lines that find no room are dropped and counted. A full
// disk loses what was to be written (counted) and nothing else. The error log hears of the first loss and,
// when lines can be written again, how many there were. Outlives the loops' AccessLogs.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/log_file.h"
#include "base/result.h"

namespace remuda::server {

// Whole lines, one after the other.
struct LogChunk {
  static constexpr size_t kBytes = 64 * 1024;
  size_t used = 0;
  uint64_t lines = 0;
  std::array<char, kBytes> bytes;
};

struct LogCounters {
  uint64_t written = 0;  // lines in the file
  uint64_t dropped = 0;  // lines that found no room, because the file takes them too slowly
  uint64_t failed = 0;   // lines that could not be written: full disk, reader gone
};

class LogWriter {
 public:
  struct Options {
    std::string to = "stdout";                      // or "stderr", or a path (see base::LogFile)
    size_t queue_bound = 64;                        // chunks: 4 MiB
    std::chrono::milliseconds last_patience{1000};  // at the end, for a reader that takes nothing
    std::chrono::milliseconds calm{1000};           // without a loss, until "lines were lost" is said
  };

  // Opens the file and starts the thread. Errors: of open(2). `errors` outlives the writer.
  static base::Result<std::unique_ptr<LogWriter>> open(Options options, base::Log& errors);
  // Writes what was handed over.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Any thread, holds a lock for a moment. True: takes `chunk` and puts an empty one in its place. False: the
  // queue is full.
  bool exchange(std::unique_ptr<LogChunk>& chunk);
  void count_dropped(uint64_t lines) { dropped_.fetch_add(lines, std::memory_order_relaxed); }

  // Opens the file anew before the next line is written (SIGUSR1). Any thread.
  void reopen();

  bool is_terminal() const { return is_terminal_; }
  LogCounters counters() const;

 private:
  LogWriter(Options options, base::Log& errors);

  void start(base::LogFile file);
  void work();
  void write(const LogChunk& chunk);
  void recycle(std::unique_ptr<LogChunk> chunk);
  void reopen_file();
  void report_losses(int error);
  void report_recovery();
  int patience();

  const Options options_;
  base::Log& errors_;
  bool is_terminal_ = false;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::unique_ptr<LogChunk>> queue_;
  std::vector<std::unique_ptr<LogChunk>> empty_;
  bool reopen_ = false;
  std::atomic<bool> stopping_ = false;

  std::atomic<uint64_t> written_ = 0;
  std::atomic<uint64_t> dropped_ = 0;
  std::atomic<uint64_t> failed_ = 0;

  // Of the thread.
  std::optional<base::LogFile> file_;
  bool losing_ = false;  // the error log has heard of it
  uint64_t losses_seen_ = 0;
  uint64_t losses_before_ = 0;  // this time
  std::chrono::steady_clock::time_point last_loss_{};
  std::chrono::milliseconds waited_at_end_{0};

  std::thread thread_;
};

}  // namespace remuda::server
