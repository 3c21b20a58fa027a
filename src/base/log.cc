// SPDX-License-Identifier: Apache-2.0
//
// The error log stands on spdlog, which nobody else sees: levels, the line's pattern, the bounded queue and
// its thread are spdlog's; where the lines go is a sink of ours. Destruction order is the reverse of Parts:
// first the queue runs dry, then the sink goes.
#include "base/log.h"

#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <syslog.h>

#include <array>
#include <atomic>
#include <optional>

#include "base/ascii.h"
#include "base/log_file.h"

namespace remuda::base {

namespace {

using spdlog::level::level_enum;

level_enum to_spdlog(LogLevel level) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err};
  return kLevels[static_cast<size_t>(level)];
}

int to_syslog(level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug: return LOG_DEBUG;
    case spdlog::level::info: return LOG_INFO;
    case spdlog::level::warn: return LOG_WARNING;
    default: return LOG_ERR;
  }
}

void append_escaped(std::string& to, char byte) {
  switch (byte) {
    case '\n': to += "\\n"; return;
    case '\r': to += "\\r"; return;
    case '\t': to += "\\t"; return;
    case '\\': to += "\\\\"; return;
    default: fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

// The message as it may stand in the log: no control bytes; further lines are indented, so that none of them
// can be taken for a line of the log itself.
std::string presentable(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  std::string text;
  text.reserve(message.size());
  for (const char byte : message) {
    if (byte == '\n') {
      text += "\n    ";
    } else if (byte == '\t' || !is_control(byte)) {
      text += byte;
    } else {
      append_escaped(text, byte);
    }
  }
  return text;
}

// A sink that counts what is lost and can be told to open its file anew.
class Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void ask_to_reopen() { reopen_.store(true); }
  void count_overruns_of(spdlog::details::thread_pool& queue) { queue_ = &queue; }
  uint64_t lost() const {
    return failed_.load(std::memory_order_relaxed) + (queue_ == nullptr ? 0 : queue_->overrun_counter());
  }

 protected:
  bool taken_reopen() { return reopen_.exchange(false); }
  void count_failed(uint64_t lines) { failed_.fetch_add(lines, std::memory_order_relaxed); }
  void flush_() override {}

 private:
  std::atomic<bool> reopen_ = false;
  std::atomic<uint64_t> failed_ = 0;
  spdlog::details::thread_pool* queue_ = nullptr;
};

class LineSink final : public Sink {
 public:
  explicit LineSink(Log::Line line) : line_(std::move(line)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    line_({line.data(), line.size()});
  }
  Log::Line line_;
};

class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(std::string process) : process_(std::move(process)) {
    ::openlog("remuda", LOG_PID | LOG_NDELAY, LOG_DAEMON);
  }
  ~SyslogSink() override { ::closelog(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    ::syslog(to_syslog(message.level), "[%s] %.*s", process_.c_str(),
             static_cast<int>(message.payload.size()), message.payload.data());
  }
  std::string process_;
};

// Waits up to a second for a reader that stalls, once; then not at all until it takes something again.
class FileSink final : public Sink {
 public:
  static constexpr int kPatienceMs = 1000;
  static constexpr int kStepMs = 50;

  static Result<std::shared_ptr<Sink>> open(const std::string& name) {
    auto sink = std::make_shared<FileSink>();
    auto opened = LogFile::open(name, [&waited = sink->waited_ms_] {
      if (waited >= kPatienceMs) return 0;
      waited += kStepMs;
      return kStepMs;
    });
    if (!opened) return std::unexpected(opened.error());
    sink->file_.emplace(std::move(*opened));
    return std::shared_ptr<Sink>(std::move(sink));
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!reported_losses() || !put(message)) count_failed(1);
  }

  // Only on the thread that writes: asked with a flush after ask_to_reopen().
  void flush_() override {
    if (!taken_reopen()) return;
    const auto opened = file_->reopen();
    if (!opened)
      say(spdlog::level::err,
          fmt::format("{}: {}; the old file stays", file_->name(), to_string(opened.error())));
  }

  // False: still nothing can be written.
  bool reported_losses() {
    const uint64_t lost_now = lost();
    if (lost_now == losses_reported_) return true;
    const uint64_t lines = lost_now - losses_reported_;
    if (!say(spdlog::level::warn, fmt::format("{} lines of this log were lost", lines))) return false;
    losses_reported_ = lost_now;
    return true;
  }

  bool say(level_enum level, const std::string& text) {
    return put(spdlog::details::log_msg("", level, text));
  }

  bool put(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (file_->write({line.data(), line.size()}).error != 0) return false;
    waited_ms_ = 0;
    return true;
  }

  std::optional<LogFile> file_;
  int waited_ms_ = 0;
  uint64_t losses_reported_ = 0;
};

// Signals are for the threads that expect them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

Result<std::shared_ptr<Sink>> make_sink(const LogOptions& options) {
  if (options.to == "off") return std::make_shared<LineSink>([](std::string_view) {});
  if (options.to == "syslog") return std::make_shared<SyslogSink>(options.process);
  return FileSink::open(options.to);
}

}  // namespace

struct Log::Parts {
  std::shared_ptr<Sink> sink;
  std::shared_ptr<spdlog::details::thread_pool> queue;  // null: synchronous
  std::shared_ptr<spdlog::logger> logger;
};

Log::Log(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(LogOptions options) {
  auto sink = make_sink(options);
  if (!sink) return std::unexpected(sink.error());
  auto parts = std::make_unique<Parts>();
  parts->sink = *sink;
  if (options.delivery == LogDelivery::kAsynchronous) {
    const SignalsBlocked while_the_thread_starts;
    parts->queue = std::make_shared<spdlog::details::thread_pool>(options.queue_bound, 1);
    parts->sink->count_overruns_of(*parts->queue);
    parts->logger = std::make_shared<spdlog::async_logger>("", parts->sink, parts->queue,
                                                           spdlog::async_overflow_policy::overrun_oldest);
  } else {
    parts->logger = std::make_shared<spdlog::logger>("", parts->sink);
  }
  parts->logger->set_level(options.to == "off" ? spdlog::level::off : to_spdlog(options.level));
  // No "%" comes from outside: the name of the process is one of ours.
  parts->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      fmt::format("%Y-%m-%dT%H:%M:%S.%eZ %l [{} %P] %v", options.process), spdlog::pattern_time_type::utc));
  return std::unique_ptr<Log>(new Log(std::move(parts)));
}

std::unique_ptr<Log> Log::into(Line line, LogLevel level) {
  auto parts = std::make_unique<Parts>();
  parts->sink = std::make_shared<LineSink>(std::move(line));
  parts->logger = std::make_shared<spdlog::logger>("", parts->sink);
  parts->logger->set_level(to_spdlog(level));
  parts->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%l %v"));
  return std::unique_ptr<Log>(new Log(std::move(parts)));
}

bool Log::shows(LogLevel level) const { return parts_->logger->should_log(to_spdlog(level)); }

void Log::log(LogLevel level, fmt::string_view text, fmt::format_args values) {
  if (shows(level)) write(level, fmt::vformat(text, values));
}

void Log::write(LogLevel level, std::string_view message) {
  if (shows(level)) parts_->logger->log(to_spdlog(level), spdlog::string_view_t(presentable(message)));
}

void Log::reopen() {
  parts_->sink->ask_to_reopen();
  parts_->logger->flush();
}

uint64_t Log::lost() const { return parts_->sink->lost(); }

std::string escaped(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char byte : bytes) {
    if (is_control(byte) || byte == '\\' || static_cast<unsigned char>(byte) >= 0x80) {
      append_escaped(text, byte);
    } else {
      text += byte;
    }
  }
  return text;
}

}  // namespace remuda::base
