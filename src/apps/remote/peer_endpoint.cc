// SPDX-License-Identifier: Apache-2.0
//
// A connection to a peer. A unix socket connects at once or its queue is full, which is waited for; TCP
// within the deadline.
#include "apps/remote/peer_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace remuda::apps::remote {

namespace {

constexpr std::chrono::milliseconds kQueueIsFull{2};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

void put_unix(const std::string& path, SocketAddress& into) {
  auto& address = reinterpret_cast<sockaddr_un&>(into.storage);
  address.sun_family = AF_UNIX;
  const size_t length = std::min(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), length);
  const bool abstract = path.starts_with('@');
  if (abstract) address.sun_path[0] = '\0';
  into.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
}

// False: it is not numeric.
bool put_numeric(const base::Peer& peer, SocketAddress& into) {
  if (peer.kind == base::Peer::Kind::kIpv4) {
    auto& address = reinterpret_cast<sockaddr_in&>(into.storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(peer.port);
    into.length = sizeof address;
    return ::inet_pton(AF_INET, peer.host.c_str(), &address.sin_addr) == 1;
  }
  auto& address = reinterpret_cast<sockaddr_in6&>(into.storage);
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(peer.port);
  into.length = sizeof address;
  return ::inet_pton(AF_INET6, peer.host.c_str(), &address.sin6_addr) == 1;
}

bool put(const base::Peer& peer, SocketAddress& into) {
  if (peer.kind != base::Peer::Kind::kUnix) return put_numeric(peer, into);
  put_unix(peer.path, into);
  return true;
}

base::Result<base::Fd> make_socket(int family) {
  base::Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::failure_from_errno("make a socket");
  const int on = 1;
  if (family != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

loop::Task<base::Result<loop::LoopFd>> connect_to(loop::Loop& loop, const base::Peer& peer,
                                                  loop::Time deadline) {
  SocketAddress address;
  if (!put(peer, address)) co_return base::failure(EAFNOSUPPORT, "connect");
  while (true) {
    auto fd = make_socket(address.storage.ss_family);
    if (!fd) co_return std::unexpected(fd.error());
    loop::LoopFd socket(loop, std::move(*fd));
    const auto connected = co_await loop.connect(socket.get(), address.pointer(), address.length, deadline);
    if (connected) co_return std::move(socket);
    if (connected.error().code != EBUSY) co_return std::unexpected(connected.error());
    if (loop.now() + kQueueIsFull >= deadline) co_return base::failure(ETIMEDOUT, "connect");
    if (const auto slept = co_await loop.sleep_until(loop.now() + kQueueIsFull); !slept)
      co_return std::unexpected(slept.error());
  }
}

}  // namespace

PeerEndpoint::PeerEndpoint(Farm& farm, loop::Loop& loop, std::shared_ptr<RemotePeer> peer)
    : farm_(farm), loop_(loop), peer_(std::move(peer)), rules_(farm.options().keep) {}

loop::Task<base::Result<loop::LoopFd>> PeerEndpoint::connect(loop::Time deadline) {
  // A connection that no request needs any more may still be under way when the peer is forgotten.
  const auto trouble = trouble_;
  const auto peer = peer_;
  auto socket = co_await connect_to(loop_, peer->peer, deadline);
  *trouble = socket ? std::string() : base::to_string(socket.error());
  co_return socket;
}

void PeerEndpoint::set_terms(const Lent& lent) {
  capacity_ = lent.capacity;
  rules_.idle = lent.keeps_connections ? std::min(farm_.options().keep.idle, capacity_.connections) : 0;
}

void PeerEndpoint::learned(const Capacity& capacity) { capacity_ = farm_.learned(*peer_, capacity); }

void PeerEndpoint::cannot_keep_connections() {
  rules_.idle = 0;
  farm_.cannot_keep_connections(*peer_);
}

}  // namespace remuda::apps::remote
