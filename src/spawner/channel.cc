// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace remuda::spawner {

namespace {

constexpr size_t kDescriptors = 3;

struct alignas(cmsghdr) ControlRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int) * kDescriptors)> bytes;
};

// Takes every descriptor of the message: one that is too many arrives all the same (the room is aligned), and
// is closed here.
void take_descriptors(msghdr& message, Received& received) {
  received.descriptor_count = 0;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + i * sizeof(int), sizeof number);
      base::Fd descriptor(number);
      if (received.descriptor_count < kDescriptors)
        received.descriptors[received.descriptor_count++] = std::move(descriptor);
    }
  }
}

}  // namespace

Reception receive_packet(int socket, std::span<std::byte> room, Received& received) {
  iovec piece{room.data(), room.size()};
  ControlRoom control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Reception::kNothing : Reception::kEnd;
  if (got == 0) return Reception::kEnd;
  take_descriptors(message, received);
  // MSG_CTRUNC without MSG_TRUNC: this process has no descriptor left for them. The request is refused, not
  // the channel.
  if ((message.msg_flags & MSG_TRUNC) != 0) return Reception::kEnd;
  received.packet = room.first(static_cast<size_t>(got));
  return Reception::kPacket;
}

void Channel::reply(const Reply& reply) { encode(reply, outbox_.open_packet()); }

void Channel::reply_with(const Reply& reply, base::Fd first, base::Fd second) {
  std::vector<std::byte> packet;
  encode(reply, packet);
  outbox_.add(std::move(packet), std::move(first), std::move(second));
}

}  // namespace remuda::spawner
