// SPDX-License-Identifier: Apache-2.0
//
// Each request has a connection of its own ("Connection: close"), so an answer ends where the connection
// does.
#include "cli/status_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/ascii.h"
#include "base/result.h"

namespace remuda::cli {
namespace {

using Clock = StatusRequest::Clock;

constexpr size_t kMostReceived = 256 << 20;

int milliseconds_until(Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

// Whether the descriptor became ready in time.
bool wait_for(int fd, short events, Clock::time_point until) {
  while (true) {
    pollfd asked{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&asked, 1, milliseconds_until(until));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= until) return false;
    if (ready < 0 && errno != EINTR) return true;  // what follows says why
  }
}

// A full queue of connections is waited for as everything else; 0 or an errno.
int connect_to(int fd, const sockaddr_un& address, Clock::time_point until) {
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (Clock::now() >= until) return ETIMEDOUT;
    ::poll(nullptr, 0, 10);
  }
  return 0;
}

int send_all(int fd, std::string_view bytes, Clock::time_point until) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return errno;
    } else if (!wait_for(fd, POLLOUT, until)) {
      return ETIMEDOUT;
    }
  }
  return 0;
}

std::string sentence_of(int code, std::string_view socket) {
  switch (code) {
    case ENOENT: return fmt::format("there is no socket {}", socket);
    case ECONNREFUSED: return fmt::format("nobody listens on {}", socket);
    case EACCES:
    case EPERM: return fmt::format("{} may not be opened by this user; try it as root", socket);
    case ETIMEDOUT: return fmt::format("no answer from {} in time", socket);
    case ENAMETOOLONG: return fmt::format("the path {} is too long for a socket", socket);
    default: return fmt::format("{}: {}", socket, std::strerror(code));
  }
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::expected<StatusRequest, StatusFailure> StatusRequest::send(const std::string& socket,
                                                                std::string_view method,
                                                                std::string_view target,
                                                                Clock::time_point until) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) {
    return std::unexpected(StatusFailure{ENAMETOOLONG, sentence_of(ENAMETOOLONG, socket)});
  }
  socket.copy(address.sun_path, socket.size());
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int code = fd ? connect_to(fd.get(), address, until) : errno;
  const std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
                                       method, target, method == "POST" ? "Content-Length: 0\r\n" : "");
  if (code == 0) code = send_all(fd.get(), head, until);
  if (code != 0) return std::unexpected(StatusFailure{code, sentence_of(code, socket)});
  return StatusRequest(std::move(fd), socket);
}

StatusFailure StatusRequest::failure(int code, std::string_view what) const {
  return {code, what.empty() ? sentence_of(code, socket_) : fmt::format("{}: {}", socket_, what)};
}

std::optional<StatusResult> StatusRequest::wait(Clock::time_point until) {
  std::array<char, 64 * 1024> room;
  while (wait_for(connection_.get(), POLLIN, until)) {
    const ssize_t got = ::recv(connection_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    const int code = got < 0 ? errno : 0;
    if (got > 0) {
      received_.append(room.data(), static_cast<size_t>(got));
      if (received_.size() > kMostReceived) return std::unexpected(failure(EPROTO, "the answer has no end"));
      continue;
    }
    auto answer = parse_answer(received_);  // whole, or it does not matter how the connection ended
    if (answer) return std::move(*answer);
    return std::unexpected(code != 0 ? failure(code, {}) : failure(EPROTO, answer.error()));
  }
  return std::nullopt;
}

StatusResult StatusRequest::result(Clock::time_point until) {
  if (auto answer = wait(until)) return std::move(*answer);
  return std::unexpected(failure(ETIMEDOUT, {}));
}

StatusResult ask_status(const std::string& socket, std::string_view method, std::string_view target,
                        std::chrono::milliseconds most) {
  const Clock::time_point until = Clock::now() + most;
  auto request = StatusRequest::send(socket, method, target, until);
  if (!request) return std::unexpected(request.error());
  return request->result(until);
}

std::expected<StatusAnswer, std::string> parse_answer(std::string_view bytes) {
  if (bytes.empty()) return std::unexpected("the connection was closed without an answer");
  const size_t end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.1 ") || bytes.size() < 12 || end == std::string_view::npos)
    return std::unexpected("what came is no answer of HTTP");
  const auto status = parse_number<int>(bytes.substr(9, 3));
  if (!status) return std::unexpected("what came is no answer of HTTP");
  StatusAnswer answer{.status = *status, .content = std::string(bytes.substr(end + 4))};
  std::optional<size_t> length;
  std::string_view lines = bytes.substr(0, end);
  for (size_t at = lines.find("\r\n"); at != std::string_view::npos; at = lines.find("\r\n")) {
    lines.remove_prefix(at + 2);
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    const size_t colon = std::min(line.find(':'), line.size());
    if (!base::equal_ignoring_case(line.substr(0, colon), "Content-Length")) continue;
    length = parse_number<size_t>(base::trim_whitespace(line.substr(std::min(colon + 1, line.size()))));
  }
  if (length != answer.content.size()) return std::unexpected("the answer was cut off");
  return answer;
}

}  // namespace remuda::cli
