// SPDX-License-Identifier: Apache-2.0
//
// Outgoing: what one connection has to send, and in which order.
//
//     requests with whole records (a ring, one record each in turn) --+
//                                                                      +--> wire (committed, at most kCommit)
//                                                                      --> writev
//     small answers and replies (shared chunks, many records in each) -+
//
// A big answer therefore never holds up another for more than kCommit. Records are never torn apart: whatever
// has been committed leaves in that order. Under the App's lock; no descriptor, no clock.
#pragma once

#include <sys/uio.h>

#include "list.h"
#include "memory.h"
#include "record.h"
#include "request.h"

namespace remuda::app {

class Outgoing {
 public:
  static constexpr size_t kCommit = 128 * 1024;
  static constexpr size_t kClogged = 1024 * 1024;
  static constexpr int kPieces = 64;

  explicit Outgoing(Hub& hub) : hub_(hub) {}

  // The request's record of type `chunk.stream` is complete: gives it its header and puts it into the
  // request's turn.
  void push(Request& request, Chunk* chunk);
  // The same when nothing of the request waits and its answer is complete: shares chunks with others.
  void push_small(Chunk* chunk);
  // A place for a whole record of so many bytes (at most Chunk::kSize). Null: no memory.
  char* reply(size_t size);
  // The request is finished and its last record is in: it is released when its turns are over.
  void end(Request& request);
  // Whatever waits for its turn is dropped.
  void drop(Request& request);

  // What is to be sent next: its number of pieces, at most kPieces, 0: nothing. Requests whose records are
  // committed by it learn that there is room.
  int gather(iovec* pieces);
  // So many bytes of what gather() said have gone.
  void sent(size_t size);

  bool empty() const { return wire_.empty() && shared_.empty() && ring_.empty(); }
  size_t pending() const { return pending_; }
  // So much of small answers and replies that nobody takes them: requests are to wait until somebody does.
  bool clogged() const { return shared_bytes_ > kClogged; }
  // Nothing more will be sent. Ending requests are released.
  void clear();

 private:
  void append(ChunkQueue& queue, Chunk* chunk);
  void commit(Chunk* chunk);
  void commit_turn(Request& request);
  void fill_wire();

  Hub& hub_;
  List<Request, SendingTag> ring_;
  ChunkQueue shared_;
  ChunkQueue wire_;
  size_t shared_bytes_ = 0;  // bytes in shared_
  size_t committed_ = 0;     // bytes in wire_
  size_t pending_ = 0;       // bytes in all of them
};

// A chunk whose record is complete: writes its header and padding, so that it can be sent.
void close_record(Chunk& chunk, uint16_t id);

}  // namespace remuda::app
