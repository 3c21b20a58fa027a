// SPDX-License-Identifier: Apache-2.0
//
// sockaddr in, text out. IPv4 clients of a dual-stack listener are shown as what they are: IPv4.
#include "http/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace remuda::http {

namespace {

// The four bytes as "192.0.2.1". inet_ntop(3) prints them with a format, which takes ten times as long.
std::string_view dotted(const uint8_t* bytes, std::span<char, kAddressText> room) {
  char* at = room.data();
  char* const end = at + room.size();
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, end, bytes[i]).ptr;
  }
  return {room.data(), at};
}

}  // namespace

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
  if (family() == AF_INET) return dotted(reinterpret_cast<const uint8_t*>(&v4_.sin_addr), room);
  if (family() != AF_INET6) return {};
  const in6_addr& six = v6_.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&six)) return dotted(&six.s6_addr[12], room);
  const char* const text = ::inet_ntop(AF_INET6, &six, room.data(), kAddressText);
  return text == nullptr ? std::string_view() : text;
}

Address local_address(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) < 0) return {};
  return Address::from(address);
}

}  // namespace remuda::http
