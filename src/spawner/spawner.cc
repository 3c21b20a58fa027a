// SPDX-License-Identifier: Apache-2.0
//
// The edges of the spawner's process: signals, standard descriptors, and what the supervisor calls.
#include "spawner/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "spawner/protocol.h"
#include "spawner/service.h"

namespace remuda::spawner {

namespace {

void wake_up(int) {}

// Everything is blocked for good but SIGCHLD, which is open while waiting; dispositions are the default,
// because a program inherits what is ignored.
void settle_signals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
  action.sa_handler = &wake_up;
  sigaction(SIGCHLD, &action, nullptr);
}

// 0, 1 and 2 are taken, so that no descriptor of a request ever gets their numbers.
void occupy_standard_descriptors() {
  while (true) {
    const int number = open("/dev/null", O_RDWR);
    if (number < 0) return;
    if (number > 2) {
      close(number);
      return;
    }
  }
}

}  // namespace

base::Result<SocketPair> make_socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
    return base::failure_from_errno("socketpair");
  return SocketPair{base::Fd(ends[0]), base::Fd(ends[1])};
}

base::Result<void> send_channel(int control, const ChannelEnd& channel) {
  std::vector<std::byte> packet;
  encode(channel.what, packet);
  iovec piece{packet.data(), packet.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof channel.socket)> room{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof channel.socket);
  std::memcpy(CMSG_DATA(head), &channel.socket, sizeof channel.socket);
  while (sendmsg(control, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return base::failure_from_errno("send a channel to the spawner");
  }
  return {};
}

int run(const Options& options) {
  settle_signals();
  occupy_standard_descriptors();
  Service service(options);
  service.serve();
  service.end_all();
  return 0;
}

}  // namespace remuda::spawner
