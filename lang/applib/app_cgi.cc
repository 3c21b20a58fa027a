// SPDX-License-Identifier: Apache-2.0
//
// See app.h: a program that was started as plain CGI (RFC 3875). Its one request is made of the environment;
// its input is CONTENT_LENGTH bytes of fd 0, its answer goes to fd 1, its log to fd 2. These block, as they
// do for any CGI program; one that does not, as whoever made it left it so, is waited for.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app.h"

extern "C" char** environ;

namespace remuda::app {
namespace {

// write() whose SIGPIPE does not reach the program. It comes with a short count too: when the reader leaves
// after a part has been taken.
ssize_t write_quietly(int fd, const char* bytes, size_t size) {
  sigset_t pipe;
  sigset_t pending;
  sigset_t before;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) != 0;
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  const ssize_t written = write(fd, bytes, size);
  const int error = errno;
  if (written != static_cast<ssize_t>(size) && !was_pending) {
    const timespec none{};
    while (sigtimedwait(&pipe, nullptr, &none) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

void wait_for(int fd, short what) {
  pollfd descriptor{.fd = fd, .events = what, .revents = 0};
  poll(&descriptor, 1, -1);
}

bool write_all(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write_quietly(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      wait_for(fd, POLLOUT);
      continue;
    }
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

int App::begin_cgi() {
  if ((limits.roles & REMUDA_RESPONDER) == 0) return ENOTSOCK;
  cgi_ = true;
  Request* request = Hub::begin();
  if (request == nullptr) return ENOMEM;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const char* equals = strchr(*variable, '=');
    if (equals == nullptr) continue;
    const Bytes name{*variable, static_cast<size_t>(equals - *variable)};
    if (!request->params.add(name, {equals + 1, strlen(equals + 1)})) {
      release(*request);
      return ENOMEM;
    }
  }
  const char* length = getenv("CONTENT_LENGTH");
  cgi_left_ = length != nullptr ? strtoull(length, nullptr, 10) : 0;
  if (cgi_left_ == 0) request->stream(Stream::kBody).end();
  request->stream(Stream::kData).end();
  request->state = Request::State::kWaiting;
  tell(*request, kBegin);
  ending = true;  // there will be no other
  return 0;
}

// The client, or the server, is gone.
void App::give_up_cgi(Request& request) {
  if (request.aborted) return;
  request.aborted = true;
  tell(request, kAborted);
}

int App::fill_cgi(Request& request) {
  Incoming& body = request.stream(Stream::kBody);
  Block* block = blocks.take();
  if (block == nullptr) return ENOMEM;
  block->references = 1;
  const size_t wanted = cgi_left_ < Block::kSize ? static_cast<size_t>(cgi_left_) : Block::kSize;
  const ssize_t got = ::read(0, block->bytes, wanted);
  int error = got < 0 && errno != EINTR && errno != EAGAIN ? errno : 0;
  if (got < 0 && errno == EAGAIN) wait_for(0, POLLIN);
  if (got > 0) {
    cgi_left_ -= static_cast<size_t>(got);
    error = body.append(*block, block->bytes, static_cast<size_t>(got), nullptr);
  }
  blocks.drop(block);
  if (got == 0 && cgi_left_ > 0) {  // the client left before all of it had come
    give_up_cgi(request);
    return ECANCELED;
  }
  if (cgi_left_ == 0) body.end();
  return error;
}

void App::write_cgi(Request& request, Chunk& chunk) {
  const bool is_log = chunk.stream == static_cast<uint8_t>(RecordType::kStderr);
  const bool written = write_all(is_log ? 2 : 1, chunk.bytes + kHeaderSize, chunk.filled - kHeaderSize);
  if (!written && !is_log) give_up_cgi(request);
  chunk.filled = kHeaderSize;
}

void App::finish_cgi(Request& request, int status) {
  put_record(request);
  cgi_status_ = status;
  release(request);
}

}  // namespace remuda::app
