// SPDX-License-Identifier: Apache-2.0
//
// Channel: the spawner's end of one worker loop's socket. Receives packets with their descriptors; gathers
// replies and sends them when the spawner is about to wait, so that what happens together travels together.
//
// A worker that does not read is not waited for: replies stay here until there is room. Spawner's process
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/fd.h"
#include "spawner/protocol.h"

namespace remuda::spawner {

// Descriptors that came with a packet.
struct Received {
  std::span<const std::byte> packet;
  std::array<base::Fd, 3> descriptors;
  size_t descriptor_count = 0;
};

enum class Reception : uint8_t { kPacket, kNothing, kEnd };

// Takes one packet off a socket, into `room` of kMaxPacket bytes and one more. kEnd: the other end has gone,
// or sent what is too long.
Reception receive_packet(int socket, std::span<std::byte> room, Received& received);

class Channel {
 public:
  explicit Channel(base::Fd socket) : socket_(std::move(socket)) {}

  int socket() const { return socket_.get(); }

  void reply(const Reply& reply);
  void reply_with(const Reply& reply, base::Fd descriptor);

  // Sends what there is room for.
  void flush();
  bool has_replies() const { return !replies_.empty(); }

  bool ended = false;

 private:
  struct Packet {
    std::vector<std::byte> bytes;
    base::Fd descriptor;
  };
  bool send(const Packet& packet);

  base::Fd socket_;
  std::deque<Packet> replies_;
};

}  // namespace remuda::spawner
