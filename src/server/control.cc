// SPDX-License-Identifier: Apache-2.0
//
// One byte and perhaps one SCM_RIGHTS.
#include "server/control.h"

#include <sys/socket.h>

#include <cstring>

namespace remuda::server {

namespace {

constexpr size_t kRoom = CMSG_SPACE(sizeof(int));

bool is_known(uint8_t kind) {
  return std::strchr("dsaer", kind) != nullptr && kind != 0;
}

}  // namespace

base::Result<void> send_control(int socket, ControlKind kind, int descriptor) {
  auto byte = static_cast<uint8_t>(kind);
  iovec piece{&byte, 1};
  alignas(cmsghdr) char room[kRoom] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = room;
    message.msg_controllen = kRoom;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return base::failure_from_errno("tell a worker");
  return {};
}

base::Result<ControlMessage> receive_control(int socket) {
  uint8_t byte = 0;
  iovec piece{&byte, 1};
  alignas(cmsghdr) char room[kRoom] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = kRoom;
  const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) return base::failure_from_errno("hear the supervisor");
  if (got == 0) return base::failure(EPIPE, "hear the supervisor");
  base::Fd descriptor;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    descriptor.reset(number);
  }
  if (!is_known(byte)) return base::failure(EPROTO, "hear the supervisor");
  return ControlMessage{static_cast<ControlKind>(byte), std::move(descriptor)};
}

}  // namespace remuda::server
