// SPDX-License-Identifier: Apache-2.0
//
// One line for each kind of operation. connect(2) is asked twice: once to begin, and once it is writable for
// the outcome (SO_ERROR); the kind's `flags` remember which.
#include "loop/backend/system_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace remuda::loop {

namespace {

int64_t connect_or_outcome(Operation& operation) {
  if (operation.asked.flags == 0) {
    operation.asked.flags = 1;
    const int begun = ::connect(operation.fd, static_cast<const sockaddr*>(operation.asked.pointer),
                                static_cast<socklen_t>(operation.asked.length));
    if (begun == 0) return 0;
    if (errno == EAGAIN) {
      errno = EBUSY;  // a unix listener whose queue is full: nothing was begun
    } else if (errno == EINPROGRESS || errno == EINTR) {
      errno = EAGAIN;
    }
    return -1;
  }
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(operation.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -1;
  errno = error;
  return error == 0 ? 0 : -1;
}

int64_t poll_now(int fd, short events) {
  pollfd asked{.fd = fd, .events = events, .revents = 0};
  const int ready = ::poll(&asked, 1, 0);
  if (ready == 0) errno = EAGAIN;
  return ready > 0 ? 0 : -1;
}

int64_t call(Operation& operation) {
  const auto& [pointer, length, other_fd, flags] = operation.asked;
  const int fd = operation.fd;
  switch (operation.kind) {
    case OperationKind::kAccept: {
      socklen_t size = sizeof(sockaddr_storage);
      return ::accept4(fd, static_cast<sockaddr*>(pointer), pointer == nullptr ? nullptr : &size,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    case OperationKind::kConnect: return connect_or_outcome(operation);
    case OperationKind::kReceive: return ::recv(fd, pointer, length, 0);
    case OperationKind::kReceiveMessage:
      return ::recvmsg(fd, static_cast<msghdr*>(pointer), MSG_CMSG_CLOEXEC);
    case OperationKind::kRead: return ::read(fd, pointer, length);
    case OperationKind::kWrite: return ::write(fd, pointer, length);
    case OperationKind::kSendMessage:
      return ::sendmsg(fd, static_cast<const msghdr*>(pointer), (flags & ~kTryOnly) | MSG_NOSIGNAL);
    case OperationKind::kSendFile: return ::sendfile(fd, other_fd, static_cast<off_t*>(pointer), length);
    case OperationKind::kSplice:
      return ::splice(other_fd, nullptr, fd, nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    case OperationKind::kPollReadable: return poll_now(fd, POLLIN);
    case OperationKind::kPollWritable: return poll_now(fd, POLLOUT);
    case OperationKind::kPollHangUp: return poll_now(fd, 0);
    case OperationKind::kTimeout:
    case OperationKind::kEvent:
    case OperationKind::kOffload: errno = EAGAIN; return -1;
  }
  __builtin_unreachable();
}

}  // namespace

int64_t perform(Operation& operation) {
  while (true) {
    const int64_t result = call(operation);
    if (result >= 0) [[likely]]
      return result;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace remuda::loop
