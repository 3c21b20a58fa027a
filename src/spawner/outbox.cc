// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/outbox.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace remuda::spawner {

namespace {

constexpr size_t kFullPacket = 16 * 1024;

struct alignas(cmsghdr) ControlRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int) * 2)> bytes{};
};

}  // namespace

std::vector<std::byte>& Outbox::open_packet() {
  if (packets_.empty() || packets_.back().alone || packets_.back().bytes.size() > kFullPacket)
    packets_.emplace_back();
  return packets_.back().bytes;
}

void Outbox::add(std::vector<std::byte> bytes, base::Fd first, base::Fd second) {
  packets_.push_back({std::move(bytes), {std::move(first), std::move(second)}, true});
}

void Outbox::flush(int socket) {
  while (!packets_.empty() && send(socket, packets_.front())) packets_.pop_front();
}

// False: no room now. Who has gone reads nothing more, so what was for him counts as sent.
bool Outbox::send(int socket, const Packet& packet) {
  iovec piece{const_cast<std::byte*>(packet.bytes.data()), packet.bytes.size()};
  ControlRoom control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  std::array<int, 2> numbers{};
  size_t count = 0;
  for (const base::Fd& descriptor : packet.descriptors) {
    if (descriptor) numbers[count++] = descriptor.get();
  }
  if (count > 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(head), numbers.data(), count * sizeof(int));
  }
  while (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EAGAIN || errno == ETOOMANYREFS) return false;
    if (errno != EINTR) return true;
  }
  return true;
}

base::Fd copy_of(const base::Fd& descriptor) {
  return base::Fd(descriptor ? fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 3) : -1);
}

}  // namespace remuda::spawner
