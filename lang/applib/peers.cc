// SPDX-License-Identifier: Apache-2.0
//
// See peers.h.
#include "peers.h"

#include <arpa/inet.h>
#include <string.h>

namespace remuda::app {
namespace {

in6_addr mapped(const in_addr& address) {
  in6_addr result{};
  result.s6_addr[10] = result.s6_addr[11] = 0xff;
  memcpy(result.s6_addr + 12, &address, 4);
  return result;
}

bool parse_one(const char* text, size_t size, in6_addr& address) {
  char copy[INET6_ADDRSTRLEN + 1];
  if (size >= sizeof(copy)) return false;
  memcpy(copy, text, size);
  copy[size] = '\0';
  in_addr four;
  if (inet_pton(AF_INET, copy, &four) == 1) {
    address = mapped(four);
    return true;
  }
  return inet_pton(AF_INET6, copy, &address) == 1;
}

}  // namespace

bool PeerList::parse(const char* text) {
  everybody_ = text == nullptr || *text == '\0';
  if (everybody_) return true;
  while (*text != '\0') {
    const size_t size = strcspn(text, ", ");
    in6_addr address;
    if (size > 0 && (!parse_one(text, size, address) || !allowed_.push(address))) return false;
    text += size;
    text += strspn(text, ", ");
  }
  return true;
}

bool PeerList::admits(const sockaddr_storage& peer) const {
  if (everybody_ || (peer.ss_family != AF_INET && peer.ss_family != AF_INET6)) return true;
  in6_addr address;
  if (peer.ss_family == AF_INET) {
    address = mapped(reinterpret_cast<const sockaddr_in&>(peer).sin_addr);
  } else {
    address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  }
  for (size_t i = 0; i < allowed_.size(); ++i) {
    if (memcmp(&allowed_[i], &address, sizeof(address)) == 0) return true;
  }
  return false;
}

}  // namespace remuda::app
