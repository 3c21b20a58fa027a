// SPDX-License-Identifier: Apache-2.0
//
// See outgoing.h.
#include "outgoing.h"

#include "hub.h"

namespace remuda::app {

void close_record(Chunk& chunk, uint16_t id) {
  const size_t content = chunk.filled - kHeaderSize;
  const size_t padding = padding_of(content);
  encode_header({.type = static_cast<RecordType>(chunk.stream),
                 .id = id,
                 .content = static_cast<uint16_t>(content),
                 .padding = static_cast<uint8_t>(padding)},
                chunk.bytes);
  memset(chunk.bytes + chunk.filled, 0, padding);
  chunk.filled += static_cast<uint32_t>(padding);
}

void Outgoing::push(Request& request, Chunk* chunk) {
  pending_ += chunk->filled;
  request.queued += chunk->filled;
  append(request.whole, chunk);
  ring_.push(request);
}

void Outgoing::push_small(Chunk* chunk) {
  pending_ += chunk->filled;
  shared_bytes_ += chunk->filled;
  append(shared_, chunk);
}

// Small records share a chunk: what is bounded is bytes, and memory is not to be many times that.
void Outgoing::append(ChunkQueue& queue, Chunk* chunk) {
  constexpr uint32_t kCopied = 4096;
  Chunk* last = queue.last();
  if (last != nullptr && chunk->filled <= kCopied && last->room() >= chunk->filled) {
    memcpy(last->bytes + last->filled, chunk->bytes, chunk->filled);
    last->filled += chunk->filled;
    hub_.chunks.give(chunk);
  } else {
    queue.push(chunk);
  }
}

char* Outgoing::reply(size_t size) {
  Chunk* last = shared_.last();
  if (last == nullptr || last->room() < size) {
    last = hub_.chunks.take();
    if (last == nullptr) return nullptr;
    shared_.push(last);
  }
  char* place = last->bytes + last->filled;
  last->filled += static_cast<uint32_t>(size);
  pending_ += size;
  shared_bytes_ += size;
  return place;
}

void Outgoing::end(Request& request) {
  if (request.whole.empty()) {
    hub_.release(request);
  } else {
    request.state = Request::State::kEnding;
    ++hub_.finished;
    request.news = request.armed = 0;  // the program knows it no more
    static_cast<Link<NewsTag>&>(request).unlink();
  }
}

void Outgoing::drop(Request& request) {
  pending_ -= request.queued;
  request.queued = 0;
  request.whole.clear(hub_.chunks);
  static_cast<Link<SendingTag>&>(request).unlink();
}

void Outgoing::commit(Chunk* chunk) {
  committed_ += chunk->filled;
  wire_.push(chunk);
}

void Outgoing::commit_turn(Request& request) {
  Chunk* chunk = request.whole.pop();
  request.queued -= chunk->filled;
  commit(chunk);
  if (!request.whole.empty()) {
    ring_.push(request);
  } else if (request.state == Request::State::kEnding) {
    return hub_.release(request);
  }
  if (request.queued * 2 <= hub_.limits.output_memory) hub_.tell(request, kWritable);
}

void Outgoing::fill_wire() {
  while (committed_ < kCommit) {
    Chunk* shared = shared_.pop();
    if (shared != nullptr) {
      shared_bytes_ -= shared->filled;
      commit(shared);
    }
    Request* turn = ring_.pop();
    if (turn != nullptr) commit_turn(*turn);
    if (shared == nullptr && turn == nullptr) return;
  }
}

int Outgoing::gather(iovec* pieces) {
  fill_wire();
  int count = 0;
  for (Chunk* chunk = wire_.first(); chunk != nullptr && count < kPieces; chunk = chunk->next) {
    pieces[count++] = {chunk->bytes + chunk->sent, chunk->left()};
  }
  return count;
}

void Outgoing::sent(size_t size) {
  pending_ -= size;
  committed_ -= size;
  while (size > 0) {
    Chunk* first = wire_.first();
    const size_t taken = size < first->left() ? size : first->left();
    first->sent += static_cast<uint32_t>(taken);
    size -= taken;
    if (first->left() == 0) hub_.chunks.give(wire_.pop());
  }
}

void Outgoing::clear() {
  wire_.clear(hub_.chunks);
  shared_.clear(hub_.chunks);
  while (Request* request = ring_.pop()) {
    drop(*request);
    if (request->state == Request::State::kEnding) hub_.release(*request);
  }
  shared_bytes_ = committed_ = pending_ = 0;
}

}  // namespace remuda::app
