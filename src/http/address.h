// SPDX-License-Identifier: Apache-2.0
//
// Address: one end of a connection, in the 28 bytes that IPv6 needs (an idle connection pays for every byte
// it keeps). A Unix socket's end has no address: family AF_UNIX, port 0, empty text.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace remuda::http {

// INET6_ADDRSTRLEN without the terminating zero, rounded up.
constexpr size_t kAddressText = 48;

class Address {
 public:
  Address() = default;
  static Address from(const sockaddr_storage& address);

  sa_family_t family() const { return any_.sa_family; }
  uint16_t port() const;  // host order; 0 for a Unix socket

  // The IP address without port and brackets ("::1"; IPv4-mapped IPv6 as IPv4), written into `room`.
  std::string_view ip(std::span<char, kAddressText> room) const;

 private:
  union {
    sockaddr any_{};
    sockaddr_in v4_;
    sockaddr_in6 v6_;
  };
};

// What a socket is bound to, or a connection came in at: one getsockname(2).
Address local_address(int socket);

// The two ends of a connection. The connection owns it; handlers see it through their request, and its local
// end through Request::local().
struct Endpoints {
  Address peer;
  int socket = -1;
  bool secure = false;            // TLS
  mutable uint8_t local_end = 0;  // belongs to LocalEnds
};

}  // namespace remuda::http
