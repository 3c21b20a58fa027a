// SPDX-License-Identifier: Apache-2.0
//
// A unix socket connects at once or not at all: only a full queue is worth waiting for. So does a port of
// this machine.
#include "apps/pool/instance_endpoint.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::milliseconds kQueueIsFull{2};
constexpr std::string_view kPortName = "tcp:127.0.0.1:";

loop::Task<base::Result<loop::LoopFd>> connect_to_port(loop::Loop& loop, uint16_t port, loop::Time deadline) {
  base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) co_return base::failure_from_errno("make a socket");
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  loop::LoopFd socket(loop, std::move(fd));
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto connected = co_await loop.connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                                               sizeof address, deadline);
  if (!connected) co_return std::unexpected(connected.error());
  co_return std::move(socket);
}

// Of the name of an instance's port; 0: it is a path.
uint16_t port_of(std::string_view name) {
  if (!name.starts_with(kPortName)) return 0;
  uint16_t port = 0;
  for (const char digit : name.substr(kPortName.size()))
    port = static_cast<uint16_t>(port * 10 + (digit - '0'));
  return port;
}

}  // namespace

std::string port_name(uint16_t port) { return std::string(kPortName) + std::to_string(port); }

loop::Task<base::Result<loop::LoopFd>> connect_to_socket(loop::Loop& loop, std::string_view path,
                                                         loop::Time deadline) {
  if (const uint16_t port = port_of(path); port != 0)
    co_return co_await connect_to_port(loop, port, deadline);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) co_return base::failure(ENAMETOOLONG, "connect");
  std::memcpy(address.sun_path, path.data(), path.size());
  while (true) {
    base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) co_return base::failure_from_errno("make a socket");
    loop::LoopFd socket(loop, std::move(fd));
    const auto connected = co_await loop.connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                                                 sizeof address, deadline);
    if (connected) co_return std::move(socket);
    if (connected.error().code != EBUSY && connected.error().code != EAGAIN)
      co_return std::unexpected(connected.error());
    if (loop.now() + kQueueIsFull >= deadline) co_return base::failure(ETIMEDOUT, "connect");
    if (const auto slept = co_await loop.sleep_until(loop.now() + kQueueIsFull); !slept)
      co_return std::unexpected(slept.error());
  }
}

InstanceEndpoint::InstanceEndpoint(Group& group, loop::Loop& loop, std::shared_ptr<Instance> instance)
    : group_(group), loop_(loop), instance_(std::move(instance)), rules_(group.options().keep) {}

loop::Task<base::Result<loop::LoopFd>> InstanceEndpoint::connect(loop::Time deadline) {
  return connect_to_socket(loop_, instance_->socket, deadline);
}

void InstanceEndpoint::set_terms(const Lent& lent) {
  capacity_ = lent.capacity;
  rules_.idle = std::min({group_.options().keep.idle, capacity_.connections, capacity_.requests});
  if (!lent.keeps_connections) rules_.idle = 0;
}

void InstanceEndpoint::learned(const Capacity& capacity) {
  capacity_ = group_.learned(*instance_, capacity, loop_);
}

void InstanceEndpoint::cannot_multiplex() { capacity_ = group_.cannot_multiplex(*instance_); }

void InstanceEndpoint::cannot_keep_connections() {
  rules_.idle = 0;
  ++lost_in_silence;
  group_.cannot_keep_connections(*instance_);
}

}  // namespace remuda::apps::pool
