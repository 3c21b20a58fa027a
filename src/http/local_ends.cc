// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "http/local_ends.h"

#include <algorithm>

namespace remuda::http {

namespace {

LocalEnd local_end_of(int socket) {
  const Address address = local_address(socket);
  LocalEnd end;
  end.length = static_cast<uint8_t>(address.ip(end.text).size());
  end.port = address.port();
  return end;
}

}  // namespace

const LocalEnd& LocalEnds::of(const Endpoints& connection) {
  if (connection.local_end != 0) [[likely]]
    return known_[connection.local_end - 1U];
  const LocalEnd end = local_end_of(connection.socket);
  auto found = std::ranges::find(known_, end);
  if (found == known_.end()) {
    if (known_.size() == kMost) return unnumbered_ = end;
    found = known_.insert(found, end);
  }
  connection.local_end = static_cast<uint8_t>(found - known_.begin() + 1);
  return *found;
}

}  // namespace remuda::http
