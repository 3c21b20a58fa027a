// SPDX-License-Identifier: Apache-2.0
//
// socket, options, bind, listen. TCP_NODELAY is set here because accepted sockets inherit it;
// TCP_DEFER_ACCEPT lets the kernel hold a connection until its first byte has come, which saves a wait for
// most (decision 003).
#include "server/listening.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <system_error>

#include "http/address.h"

namespace remuda::server {

namespace {

constexpr int kDeferSeconds = 1;

// Its name is no file.
bool is_abstract(const config::Address& address) { return address.path.starts_with('@'); }

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const config::Address& address) {
  SocketAddress result;
  if (address.family == config::Address::Family::kIpv4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr);
    result.length = sizeof *v4;
  } else if (address.family == config::Address::Family::kIpv6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr);
    result.length = sizeof *v6;
  } else {
    auto* local = reinterpret_cast<sockaddr_un*>(&result.storage);
    local->sun_family = AF_UNIX;
    const size_t room = sizeof local->sun_path - 1;
    std::memcpy(local->sun_path, address.path.data(), std::min(room, address.path.size()));
    result.length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::min(room, address.path.size()) + 1);
    if (is_abstract(address)) {
      local->sun_path[0] = 0;
      --result.length;
    }
  }
  return result;
}

void set_option(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

// A socket file that nobody listens on is left over from a server that was killed.
void remove_left_over(const SocketAddress& address, const std::string& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) < 0 || !S_ISSOCK(facts.st_mode)) return;
  // Non-blocking: whoever listens may have a full queue.
  const base::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), address.get(), address.length) < 0 && errno == ECONNREFUSED)
    ::unlink(path.c_str());
}

std::string advice(int error, const config::Address& address) {
  switch (error) {
    case EADDRINUSE:
      if (address.family == config::Address::Family::kUnix)
        return "another program listens there, or a file that is no socket is in the way; remove it or "
               "choose another path in [[listener]]";
      return fmt::format(
          "another program listens there (see: ss -ltnp 'sport = :{}'); stop it or choose another "
          "address with --listen or [[listener]]",
          address.port);
    case EACCES:
      return "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; a Unix socket needs a "
             "directory that can be written";
    case EADDRNOTAVAIL: return "no interface of this machine has that address";
    case EAFNOSUPPORT: return "this machine has no such kind of address (IPv6 switched off?)";
    case ENOENT: return "the directory of the socket does not exist";
    default: return "see the address in [[listener]]";
  }
}

std::string failure_text(int error, const config::Listener& listener) {
  return fmt::format("cannot listen on {}: {}; {}", to_string(listener.address),
                     std::generic_category().message(error), advice(error, listener.address));
}

std::string url_of(int socket, const config::Address& address) {
  if (address.family == config::Address::Family::kUnix) return to_string(address);
  config::Address actual = address;
  actual.port = http::local_address(socket).port();
  if (actual.host == "0.0.0.0") actual.host = "127.0.0.1";
  if (actual.host == "::") actual.host = "::1";
  return "http://" + to_string(actual);
}

std::expected<ListeningSocket, int> open_listener(const config::Listener& listener) {
  const SocketAddress address = to_socket_address(listener.address);
  const bool local = listener.address.family == config::Address::Family::kUnix;
  ListeningSocket result;
  result.socket.reset(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int socket = result.socket.get();
  if (socket < 0) return std::unexpected(errno);
  if (local) {
    if (!is_abstract(listener.address)) remove_left_over(address, listener.address.path);
  } else {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    if (listener.deferred_accept) set_option(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferSeconds);
    if (address.storage.ss_family == AF_INET6)
      set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, listener.ipv6_only);
  }
  const mode_t before = ::umask(local ? 0117 : 0);
  const int bound = ::bind(socket, address.get(), address.length);
  const int error = errno;
  ::umask(before);
  if (bound < 0) return std::unexpected(error);
  if (::listen(socket, static_cast<int>(listener.backlog)) < 0) return std::unexpected(errno);
  if (local && !is_abstract(listener.address)) result.unlink_path = listener.address.path;
  result.url = url_of(socket, listener.address);
  return result;
}

void unlink_all(const std::vector<ListeningSocket>& opened) {
  for (const ListeningSocket& each : opened) {
    if (!each.unlink_path.empty()) ::unlink(each.unlink_path.c_str());
  }
}

}  // namespace

std::expected<std::vector<ListeningSocket>, std::string> open_listeners(
    const std::vector<config::Listener>& listeners) {
  std::vector<ListeningSocket> opened;
  for (const config::Listener& listener : listeners) {
    auto one = open_listener(listener);
    if (!one) {
      unlink_all(opened);
      return std::unexpected(failure_text(one.error(), listener));
    }
    opened.push_back(std::move(*one));
  }
  return opened;
}

std::expected<std::vector<ListeningSocket>, std::string> adopt_listeners(int first, int count) {
  std::vector<ListeningSocket> adopted;
  for (int number = first; number < first + count; ++number) {
    int listens = 0;
    socklen_t length = sizeof listens;
    if (::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0 || listens == 0) {
      return std::unexpected(
          fmt::format("descriptor {} that was passed in (LISTEN_FDS) is no listening socket; "
                      "check the socket unit: ListenStream=, Accept=no",
                      number));
    }
    ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    set_option(number, IPPROTO_TCP, TCP_NODELAY, 1);
    const http::Address local = http::local_address(number);
    std::array<char, http::kAddressText> room;
    ListeningSocket one;
    one.socket.reset(number);
    one.url = local.port() == 0
                  ? "a Unix socket that was passed in"
                  : fmt::format("http://{}{}{}:{}", local.family() == AF_INET6 ? "[" : "", local.ip(room),
                                local.family() == AF_INET6 ? "]" : "", local.port());
    adopted.push_back(std::move(one));
  }
  return adopted;
}

}  // namespace remuda::server
