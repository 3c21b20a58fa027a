// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "server/status_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

namespace remuda::server {

namespace {

constexpr size_t kMostConnections = 32;
constexpr int kBacklog = 32;
constexpr std::chrono::milliseconds kPause{100};

http::h1::Options options() {
  http::h1::Options options;
  options.body_bytes = 64 * 1024;
  options.first_byte = std::chrono::seconds(10);
  options.idle = std::chrono::seconds(60);
  options.response_time = std::chrono::seconds(10);
  return options;
}

}  // namespace

base::Result<base::Fd> open_status_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::failure(ENAMETOOLONG, "open the status socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return base::failure_from_errno("open the status socket");
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound < 0) return base::failure(error, "bind the status socket");
  if (::listen(socket.get(), kBacklog) < 0) return base::failure_from_errno("open the status socket");
  return socket;
}

StatusListener::StatusListener(loop::Loop& loop, int socket, http::Service& service, base::Log& log)
    : loop_(loop), socket_(socket), log_(log), one_ended_(loop), driver_(loop, service, options()) {
  driver_.when_one_ends([this] { one_ended_.notify_all(); });
}

loop::Task<void> StatusListener::run(loop::Scope& scope) {
  while (scope.cancelled() == 0) {
    if (driver_.connections() >= kMostConnections) {
      [[maybe_unused]] const auto ended = co_await one_ended_.wait(loop::kNever);
      continue;
    }
    sockaddr_storage peer;
    const auto connection = co_await loop_.accept(socket_, &peer, loop::kNever);
    if (connection) {
      scope.spawn(driver_.serve(loop::LoopFd(loop_, base::Fd(*connection)), http::Address::from(peer)));
    } else if (scope.cancelled() == 0) {
      log_.debug("the status socket: {}", base::to_string(connection.error()));
      [[maybe_unused]] const auto slept = co_await loop_.sleep_until(loop_.now() + kPause);
    }
  }
  loop_.detach(socket_);
}

}  // namespace remuda::server
