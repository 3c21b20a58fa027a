// SPDX-License-Identifier: Apache-2.0
//
// Nothing here waits: a unix socket is made and bound in microseconds.
#include "apps/pool/doors.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "apps/pool/instance_endpoint.h"

namespace remuda::apps::pool {

namespace {

constexpr int kBacklog = 128;

}  // namespace

base::Result<base::Fd> UnixDoors::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::failure(ENAMETOOLONG, "name an instance's socket");
  path.copy(address.sun_path, path.size());
  base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener) return base::failure_from_errno("make an instance's socket");
  // Before it has a name: nobody can be faster than the mode.
  if (::fchmod(listener.get(), 0600) < 0) return base::failure_from_errno("protect an instance's socket");
  remove(path);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return base::failure_from_errno("bind an instance's socket");
  if (::listen(listener.get(), kBacklog) < 0) return base::failure_from_errno("listen for an instance");
  return listener;
}

void UnixDoors::remove(const std::string& path) {
  if (path.starts_with('/')) ::unlink(path.c_str());
}

base::Result<uint16_t> Doors::free_port() {
  const base::Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (!probe || ::bind(probe.get(), any, size) < 0 || ::getsockname(probe.get(), any, &size) < 0)
    return base::failure_from_errno("find a port for an instance");
  return ntohs(address.sin_port);
}

loop::Task<base::Result<loop::LoopFd>> UnixDoors::knock(const std::string& path, loop::Time deadline) {
  return connect_to_socket(loop_, path, deadline);
}

loop::Task<base::Result<void>> UnixDoors::wait_free(const std::string& path, loop::Time deadline) {
  const auto socket = co_await connect_to_socket(loop_, path, deadline);
  if (!socket) co_return std::unexpected(socket.error());
  loop_.end_sending(socket->get());
  co_return co_await loop_.readable(socket->get(), deadline);
}

bool UnixDoors::is_anybody_waiting(int listener) {
  pollfd asked{.fd = listener, .events = POLLIN, .revents = 0};
  return ::poll(&asked, 1, 0) > 0;
}

}  // namespace remuda::apps::pool
