// SPDX-License-Identifier: Apache-2.0
//
// The thread waits in two places only: for a chunk, and for room in a pipe, with patience that ends soon once
// the writer is told to stop. It takes no signals.
#include "server/log_writer.h"

#include <signal.h>

#include <utility>

namespace remuda::server {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStep{50};
constexpr size_t kEmptyChunksKept = 4;

std::string reason(int error) {
  if (error == 0 || error == EAGAIN) return "what is behind it takes the lines too slowly";
  return base::to_string({error, "write"});
}

}  // namespace

base::Result<std::unique_ptr<LogWriter>> LogWriter::open(Options options, base::Log& errors) {
  std::unique_ptr<LogWriter> writer(new LogWriter(std::move(options), errors));
  auto file = base::LogFile::open(writer->options_.to, [at = writer.get()] { return at->patience(); });
  if (!file) return std::unexpected(file.error());
  writer->start(std::move(*file));
  return writer;
}

LogWriter::LogWriter(Options options, base::Log& errors) : options_(std::move(options)), errors_(errors) {}

void LogWriter::start(base::LogFile file) {
  is_terminal_ = file.is_terminal();
  file_.emplace(std::move(file));
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool LogWriter::exchange(std::unique_ptr<LogChunk>& chunk) {
  std::unique_ptr<LogChunk> empty;
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= options_.queue_bound) return false;
    queue_.push_back(std::move(chunk));
    if (!empty_.empty()) {
      empty = std::move(empty_.back());
      empty_.pop_back();
    }
  }
  arrived_.notify_one();
  chunk = empty != nullptr ? std::move(empty) : std::make_unique_for_overwrite<LogChunk>();
  return true;
}

void LogWriter::reopen() {
  {
    const std::scoped_lock lock(mutex_);
    reopen_ = true;
  }
  arrived_.notify_one();
}

LogCounters LogWriter::counters() const {
  return {written_.load(std::memory_order_relaxed), dropped_.load(std::memory_order_relaxed),
          failed_.load(std::memory_order_relaxed)};
}

void LogWriter::work() {
  while (true) {
    std::unique_ptr<LogChunk> chunk;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || reopen_ || !queue_.empty(); });
      if (std::exchange(reopen_, false)) {
        lock.unlock();
        reopen_file();
        continue;
      }
      if (queue_.empty()) break;
      chunk = std::move(queue_.front());
      queue_.pop_front();
    }
    write(*chunk);
    recycle(std::move(chunk));
  }
  if (losing_) report_recovery();
}

void LogWriter::reopen_file() {
  const auto opened = file_->reopen();
  if (!opened)
    errors_.error("access log {}: {}; the old file stays", file_->name(), base::to_string(opened.error()));
}

void LogWriter::recycle(std::unique_ptr<LogChunk> chunk) {
  chunk->used = 0;
  chunk->lines = 0;
  const std::scoped_lock lock(mutex_);
  if (empty_.size() < kEmptyChunksKept) empty_.push_back(std::move(chunk));
}

void LogWriter::write(const LogChunk& chunk) {
  const auto [lost, error] = file_->write({chunk.bytes.data(), chunk.used});
  written_.fetch_add(chunk.lines - lost, std::memory_order_relaxed);
  failed_.fetch_add(lost, std::memory_order_relaxed);
  report_losses(error);
  const bool is_well = losing_ && error == 0 && steady_clock::now() - last_loss_ >= options_.calm;
  if (is_well) report_recovery();
}

// Once, when it begins.
void LogWriter::report_losses(int error) {
  const LogCounters now = counters();
  const uint64_t lost = now.dropped + now.failed;
  if (lost == losses_seen_) return;
  if (!losing_) {
    losing_ = true;
    losses_before_ = losses_seen_;
    errors_.warning("access log {}: lines are being lost: {}", file_->name(), reason(error));
  }
  losses_seen_ = lost;
  last_loss_ = steady_clock::now();
}

void LogWriter::report_recovery() {
  losing_ = false;
  errors_.warning("access log {}: {} lines were lost", file_->name(), losses_seen_ - losses_before_);
}

int LogWriter::patience() {
  report_losses(EAGAIN);
  if (stopping_.load()) {
    if (waited_at_end_ >= options_.last_patience) return 0;
    waited_at_end_ += kStep;
  }
  return static_cast<int>(kStep.count());
}

}  // namespace remuda::server
