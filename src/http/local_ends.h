// SPDX-License-Identifier: Apache-2.0
//
// LocalEnds: where the connections of one loop came in. Connections are many and the addresses of a machine
// are few, so a connection keeps one byte, the number of its local end in this table; an Address would be 28
// for each idle one. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/address.h"

namespace remuda::http {

struct LocalEnd {
  std::array<char, kAddressText> text{};
  uint8_t length = 0;
  uint16_t port = 0;  // host order; 0 for a Unix socket

  std::string_view ip() const { return {text.data(), length}; }  // as of Address::ip()
  bool operator==(const LocalEnd&) const = default;
};

class LocalEnds {
 public:
  // The end that the client connected to: one getsockname(2) for each connection that asks. Of a machine of
  // more than 254 addresses and ports some ask again each time. Valid until the next call.
  const LocalEnd& of(const Endpoints& connection);

 private:
  static constexpr size_t kMost = UINT8_MAX - 1;

  std::vector<LocalEnd> known_;  // number 1 stands first; 0: not asked for yet
  LocalEnd unnumbered_;
};

}  // namespace remuda::http
