// SPDX-License-Identifier: Apache-2.0
//
// See app.h: what the program reads and writes of one request. A record is filled without the lock, as nobody
// else knows of it; whole ones go to the session.
#include <errno.h>
#include <poll.h>

#include "app.h"
#include "lock.h"

namespace remuda::app {
namespace {

constexpr size_t kSendAt = 64 * 1024;  // a connection that owes so much sends at once

Connection* connection_of(const Request& request) { return static_cast<Connection*>(request.session); }

ssize_t fail(int error) {
  errno = error;
  return -1;
}

}  // namespace

// --- reading

// What the program wants to know is behind bytes that it does not read: those go to the disk.
void App::demand(Request& request) {
  Connection* connection = connection_of(request);
  if (connection == nullptr || !connection->paused()) return;
  connection->must_go_on();
  again_.push(*connection);
}

int App::wait_for_input(Request& request) {
  put_record(request);  // the server may wait for it before it sends more
  if (request.aborted) return ECANCELED;
  if (cgi_) return fill_cgi(request);
  demand(request);
  const uint64_t before = request.arrivals;
  request.awaited = before;
  constexpr auto done = [](const App&, const Request* waiting) {
    return waiting->aborted || waiting->arrivals != waiting->awaited;
  };
  until(done, &request, kForever);
  return request.aborted ? ECANCELED : 0;
}

ssize_t App::peek(Request& request, Stream stream, const char** bytes, Wait wait) {
  Lock lock(*this);
  Incoming& input = request.stream(stream);
  for (;;) {
    if (request.aborted) return fail(ECANCELED);
    const Bytes front = input.front(blocks);
    if (front.size > 0) {
      *bytes = front.data;
      return static_cast<ssize_t>(front.size);
    }
    if (input.error() != 0) return fail(input.error());
    if (input.ended()) return 0;
    if (wait == Wait::kNow && !cgi_) {
      request.armed |= kReadable;
      demand(request);
      put_record(request);
      if (Connection* connection = connection_of(request)) send(*connection);
      return fail(request.aborted ? ECANCELED : EAGAIN);
    }
    if (const int error = wait_for_input(request); error != 0) return fail(error);
  }
}

ssize_t App::read(Request& request, Stream stream, char* into, size_t size, Wait wait) {
  if (size == 0) return 0;
  const char* bytes = nullptr;
  const ssize_t first = peek(request, stream, &bytes, wait);
  if (first <= 0) return first;
  Lock lock(*this);
  Incoming& input = request.stream(stream);
  size_t taken = 0;
  while (taken < size) {
    const Bytes front = input.front(blocks);
    const size_t piece = front.size < size - taken ? front.size : size - taken;
    if (piece == 0) break;
    memcpy(into + taken, front.data, piece);
    input.skip(piece, blocks);
    taken += piece;
  }
  go_on(request);
  return static_cast<ssize_t>(taken);
}

void App::skip(Request& request, size_t size) {
  Lock lock(*this);
  request.stream(Stream::kBody).skip(size, blocks);
  go_on(request);
}

void App::go_on(Request& request) {
  Connection* connection = connection_of(request);
  if (connection == nullptr || !connection->paused()) return;
  connection->has_read(request);
  if (!connection->paused()) again_.push(*connection);
}

bool App::look(Request& request) {
  if (cgi_) {
    // What a pipe says as POLLERR, a socket says as POLLHUP.
    pollfd output{.fd = 1, .events = 0, .revents = 0};
    if (poll(&output, 1, 0) == 1 && output.revents != 0) give_up_cgi(request);
    return request.aborted;
  }
  demand(request);  // whoever leads
  if (!leading_ && now() - looked_at_ >= kMillisecond) {
    looked_at_ = now();
    lead([](const App&, const Request*) { return false; }, nullptr, 0);
    send_all();  // what servers have asked the library itself
    pass_on();
  }
  return request.aborted;
}

bool App::aborted(Request& request) {
  Lock lock(*this);
  return request.aborted || look(request);
}

// --- writing

// The record that is being filled is whole.
void App::put_record(Request& request) {
  Chunk* chunk = request.open;
  if (chunk == nullptr || chunk->filled <= kHeaderSize) return;
  if (cgi_) return write_cgi(request, *chunk);
  request.open = nullptr;
  Connection* connection = connection_of(request);
  if (request.aborted || connection == nullptr) return chunks.give(chunk);
  connection->write(request, chunk);
  if (connection->out().pending() >= kSendAt) send(*connection);
}

// A record of `stream` with room in it becomes request.open. 0, or the error.
int App::make_room(Request& request, RecordType stream, Wait wait) {
  Lock lock(*this);
  put_record(request);
  const auto full = [](const App& app, const Request& asked) {
    return !asked.aborted && asked.queued >= app.limits.output_memory;
  };
  if (full(*this, request) && wait == Wait::kNow) {
    request.armed |= kWritable;
    return EAGAIN;
  }
  constexpr auto done = [](const App& app, const Request* asked) {
    return asked->aborted || asked->queued < app.limits.output_memory;
  };
  if (full(*this, request)) until(done, &request, kForever);
  if (request.aborted) return ECANCELED;
  if (request.open == nullptr) request.open = chunks.take();
  if (request.open == nullptr) return ENOMEM;
  request.open->filled = kHeaderSize;
  request.open->stream = static_cast<uint8_t>(stream);
  if (stream == RecordType::kStderr) request.wrote_log = true;
  return 0;
}

ssize_t App::write(Request& request, RecordType stream, const char* bytes, size_t size, Wait wait) {
  size_t taken = 0;
  while (taken < size) {
    Chunk* chunk = request.open;
    if (chunk == nullptr || chunk->stream != static_cast<uint8_t>(stream) || chunk->room() == 0) {
      const int error = make_room(request, stream, wait);
      if (error == EAGAIN && taken > 0) break;
      if (error != 0) return fail(error);
      chunk = request.open;
    }
    const size_t piece = size - taken < chunk->room() ? size - taken : chunk->room();
    memcpy(chunk->bytes + chunk->filled, bytes + taken, piece);
    chunk->filled += static_cast<uint32_t>(piece);
    taken += piece;
  }
  return static_cast<ssize_t>(taken);
}

int App::flush(Request& request) {
  Lock lock(*this);
  put_record(request);
  if (request.aborted) return static_cast<int>(fail(ECANCELED));
  if (Connection* connection = connection_of(request)) send(*connection);
  return request.aborted ? static_cast<int>(fail(ECANCELED)) : 0;
}

int App::finish(Request& request, int status) {
  Lock lock(*this);
  const bool aborted = request.aborted;
  const bool waits = may_wait_for_others(request);
  if (cgi_) {
    finish_cgi(request, status);
  } else if (Connection* connection = connection_of(request)) {
    Chunk* last = request.open;
    request.open = nullptr;
    if (connection->paused()) again_.push(*connection);  // what nobody has read is dropped
    connection->finish(request, last, static_cast<uint32_t>(status));
    if (waits && owed_since_ == 0) owed_since_ = handed_out_at_;
    if (connection->broken() || connection->out().pending() >= kSendAt) send(*connection);
  } else {
    release(request);
  }
  if (!waits) send_all();
  return aborted ? static_cast<int>(fail(ECANCELED)) : 0;
}

}  // namespace remuda::app
