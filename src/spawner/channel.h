// SPDX-License-Identifier: Apache-2.0
//
// Channel: the spawner's end of one worker loop's socket. Receives packets with their descriptors; gathers
// replies and sends them when the spawner is about to wait, so that what happens together travels together.
//
// A worker that does not read is not waited for: replies stay in the Outbox. Spawner's process only, but for
// receive_packet(), which the supervisor uses as well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/fd.h"
#include "spawner/keeping.h"
#include "spawner/outbox.h"
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
  // `serial`, `place`: of NewChannel (keeping.h).
  Channel(base::Fd socket, uint64_t serial, int32_t place)
      : socket_(std::move(socket)), serial_(serial), place_(place) {}

  int socket() const { return socket_.get(); }
  uint64_t serial() const { return serial_; }
  int32_t place() const { return place_; }
  bool is_home() const { return place_ != kNoPlace; }

  void reply(const Reply& reply);
  // In a packet of its own.
  void reply_with(const Reply& reply, base::Fd first, base::Fd second = {});

  // Sends what there is room for.
  void flush() { outbox_.flush(socket()); }
  bool has_replies() const { return !outbox_.empty(); }
  size_t replies() const { return outbox_.size(); }

  bool ended = false;

 private:
  base::Fd socket_;
  uint64_t serial_;
  int32_t place_;
  Outbox outbox_;
};

}  // namespace remuda::spawner
