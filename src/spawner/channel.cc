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

constexpr size_t kReplyPacket = 16 * 1024;
constexpr size_t kDescriptors = 3;

struct alignas(cmsghdr) ControlRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int) * kDescriptors)> bytes;
};

// Takes every descriptor of the message; more than fit were dropped by the kernel.
void take_descriptors(msghdr& message, Received& received) {
  received.descriptor_count = 0;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count && received.descriptor_count < kDescriptors; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + i * sizeof(int), sizeof number);
      received.descriptors[received.descriptor_count++] = base::Fd(number);
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

void Channel::reply(const Reply& reply) {
  if (replies_.empty() || replies_.back().descriptor || replies_.back().bytes.size() > kReplyPacket) {
    replies_.emplace_back();
  }
  encode(reply, replies_.back().bytes);
}

void Channel::reply_with(const Reply& reply, base::Fd descriptor) {
  Packet packet{{}, std::move(descriptor)};
  encode(reply, packet.bytes);
  replies_.push_back(std::move(packet));
}

void Channel::flush() {
  while (!replies_.empty() && send(replies_.front())) replies_.pop_front();
}

// False: no room now. A worker that has gone reads nothing more, so its replies count as sent.
bool Channel::send(const Packet& packet) {
  iovec piece{const_cast<std::byte*>(packet.bytes.data()), packet.bytes.size()};
  ControlRoom control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (packet.descriptor) {
    const int number = packet.descriptor.get();
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof number);
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof number);
    std::memcpy(CMSG_DATA(head), &number, sizeof number);
  }
  while (sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EAGAIN || errno == ETOOMANYREFS) return false;
    if (errno != EINTR) return true;
  }
  return true;
}

}  // namespace remuda::spawner
