// SPDX-License-Identifier: Apache-2.0
//
// One byte a datagram.
#include "server/control.h"

#include <sys/socket.h>

#include <string_view>

namespace remuda::server {

base::Result<void> send_control(int socket, ControlMessage message) {
  const auto byte = static_cast<char>(message);
  if (::send(socket, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return base::failure_from_errno("send control");
  return {};
}

base::Result<ControlMessage> receive_control(int socket) {
  char byte = 0;
  const ssize_t got = ::recv(socket, &byte, 1, MSG_DONTWAIT);
  // A reset is the end of an other one that had not heard everything.
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return base::failure(EPIPE, "receive control");
  if (got < 0) return base::failure_from_errno("receive control");
  if (std::string_view("dslr").find(byte) == std::string_view::npos)
    return base::failure(EPROTO, "receive control");
  return static_cast<ControlMessage>(byte);
}

}  // namespace remuda::server
