// SPDX-License-Identifier: Apache-2.0
//
// See the header. A regular file gets one write(2) for all it is given: with O_APPEND that keeps the lines of
// several processes apart.
#include "base/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>

namespace remuda::base {

namespace {

constexpr mode_t kMode = 0640;

// -1: a path.
int standard_stream(std::string_view name) {
  if (name == "stdout" || name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "stderr" || name == "/dev/stderr") return STDERR_FILENO;
  return -1;
}

Result<Fd> open_target(const std::string& name) {
  const int stream = standard_stream(name);
  // Without O_NONBLOCK, a named pipe that nobody reads would hold the process up in open(2).
  Fd file(stream >= 0 ? ::fcntl(stream, F_DUPFD_CLOEXEC, 3)
                      : ::open(name.c_str(),
                               O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                               kMode));
  if (!file) return failure_from_errno("open the log");
  return file;
}

}  // namespace

Result<LogFile> LogFile::open(std::string name, Patience patience) {
  auto opened = open_target(name);
  if (!opened) return std::unexpected(opened.error());
  LogFile file(std::move(name), std::move(patience));
  file.use(std::move(*opened));
  return file;
}

Result<void> LogFile::reopen() {
  if (standard_stream(name_) >= 0) return {};
  auto opened = open_target(name_);
  if (!opened) return std::unexpected(opened.error());
  use(std::move(*opened));
  return {};
}

void LogFile::use(Fd file) {
  struct stat status{};
  is_regular_ = ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
  file_ = std::move(file);
  torn_ = false;
}

bool LogFile::is_terminal() const { return ::isatty(file_.get()) == 1; }

LogFile::Outcome LogFile::write(std::string_view lines) {
  size_t written = 0;
  int error = 0;
  if (torn_) {
    size_t closed = 0;
    error = write_piece("\n", closed);
    if (error == 0) torn_ = false;
  }
  while (error == 0 && written < lines.size())
    error = write_piece(next_piece(lines.substr(written)), written);
  if (error == 0) return {};
  if (written > 0) torn_ = lines[written - 1] != '\n';
  return {static_cast<size_t>(std::ranges::count(lines.substr(written), '\n')), error};
}

// Everything, or as many whole lines as others cannot come between.
std::string_view LogFile::next_piece(std::string_view rest) const {
  if (is_regular_ || rest.size() <= PIPE_BUF) return rest;
  const size_t last_newline = rest.substr(0, PIPE_BUF).rfind('\n');
  return rest.substr(0, last_newline == std::string_view::npos ? PIPE_BUF : last_newline + 1);
}

// Adds to `written` what went out. 0, or why nothing more did.
int LogFile::write_piece(std::string_view piece, size_t& written) {
  while (!piece.empty()) {
    if (!is_regular_ && !wait_for_room()) return EAGAIN;
    const ssize_t count = ::write(file_.get(), piece.data(), piece.size());
    if (count < 0) {
      if (errno == EINTR || (errno == EAGAIN && !is_regular_)) continue;
      return errno;
    }
    written += static_cast<size_t>(count);
    piece.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

bool LogFile::wait_for_room() {
  pollfd asked{.fd = file_.get(), .events = POLLOUT, .revents = 0};
  int wait_ms = 0;
  while (true) {
    if (::poll(&asked, 1, wait_ms) > 0) return true;
    wait_ms = patience_();
    if (wait_ms <= 0) return false;
  }
}

}  // namespace remuda::base
