// SPDX-License-Identifier: Apache-2.0
//
// sockaddr in, text out. IPv4 clients of a dual-stack listener are shown as what they are: IPv4.
#include "http/address.h"

#include <arpa/inet.h>

#include <cstring>

namespace remuda::http {

Address Address::from(const sockaddr_storage& address) {
  Address copy;
  if (address.ss_family == AF_INET) std::memcpy(&copy.v4_, &address, sizeof copy.v4_);
  if (address.ss_family == AF_INET6) std::memcpy(&copy.v6_, &address, sizeof copy.v6_);
  if (address.ss_family == AF_UNIX) copy.any_.sa_family = AF_UNIX;
  return copy;
}

uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(v4_.sin_port);
  return family() == AF_INET6 ? ntohs(v6_.sin6_port) : 0;
}

std::string_view Address::ip(std::span<char, kAddressText> room) const {
  const char* text = nullptr;
  if (family() == AF_INET) {
    text = ::inet_ntop(AF_INET, &v4_.sin_addr, room.data(), kAddressText);
  } else if (family() == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6_.sin6_addr)) {
    text = ::inet_ntop(AF_INET, &v6_.sin6_addr.s6_addr[12], room.data(), kAddressText);
  } else if (family() == AF_INET6) {
    text = ::inet_ntop(AF_INET6, &v6_.sin6_addr, room.data(), kAddressText);
  }
  return text == nullptr ? std::string_view() : text;
}

Address Endpoints::local() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) < 0) return {};
  return Address::from(address);
}

}  // namespace remuda::http
