// SPDX-License-Identifier: Apache-2.0
//
// Outbox: packets for one SOCK_SEQPACKET socket, with the descriptors that go with them, in order. The
// spawner waits for nobody: what there is no room for stays here until there is. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <vector>

#include "base/fd.h"

namespace remuda::spawner {

class Outbox {
 public:
  // A packet without descriptors that has room for one more record: a new one if there is none.
  std::vector<std::byte>& open_packet();
  // A packet of its own. Descriptors that are none (-1) are left out.
  void add(std::vector<std::byte> bytes, base::Fd first, base::Fd second = {});

  // Sends what there is room for.
  void flush(int socket);
  bool empty() const { return packets_.empty(); }
  size_t size() const { return packets_.size(); }

 private:
  struct Packet {
    std::vector<std::byte> bytes;
    std::array<base::Fd, 2> descriptors;
    bool alone = false;
  };
  static bool send(int socket, const Packet& packet);

  std::deque<Packet> packets_;
};

// One more descriptor for the same open file; none if there is no room in this process.
base::Fd copy_of(const base::Fd& descriptor);

}  // namespace remuda::spawner
