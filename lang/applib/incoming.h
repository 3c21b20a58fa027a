// SPDX-License-Identifier: Apache-2.0
//
// Incoming: one input stream of a request (STDIN or DATA) between the connection and the program. Bytes stay
// in the blocks they were received in; beyond what may stay in memory they go to a nameless file, in order:
//
//     program  <-  pieces in memory (older)  <-  file (newer)  <-  connection
//
// Belongs to a Request, under the App's lock. What front() returns stays where it is until skip().
#pragma once

#include <stdint.h>

#include "memory.h"
#include "params.h"

namespace remuda::app {

class Incoming {
 public:
  // One more piece of a block, which is referenced for as long as it is needed. `pinned` is a block that the
  // request keeps anyway. 0, or ENOMEM.
  int append(Block& block, char* data, size_t size, const Block* pinned);
  // To the file instead, which takes at most `most` of the disk. 0, or the error: ENOSPC, EMFILE, ... It is
  // kept for the reader.
  int spill(const char* data, size_t size, uint64_t most);
  bool spilling() const { return written_ > fetched_; }
  void end() { ended_ = true; }

  // The next bytes that lie together; size 0: none now. Reads them back from the file if need be.
  Bytes front(BlockPool& blocks);
  void skip(size_t size, BlockPool& blocks);
  bool empty() const { return first_ == pieces_.size() && !spilling(); }
  bool ended() const { return ended_; }
  // What ended it early, for the reader, after what was received before; 0: nothing.
  int error() const { return error_; }

  // Memory that it keeps from being used again.
  size_t cost() const { return cost_; }
  void clear(BlockPool& blocks);
  ~Incoming();

 private:
  struct Piece {
    Block* block;
    char* data;
    size_t size;
    size_t cost;
  };
  int open_file();
  void fetch(BlockPool& blocks);
  void free_disk();

  Array<Piece> pieces_;
  size_t first_ = 0;  // pieces before it are read
  size_t cost_ = 0;
  int file_ = -1;
  uint64_t written_ = 0;
  uint64_t fetched_ = 0;
  uint64_t freed_ = 0;  // the file's bytes before it take no disk any more
  int error_ = 0;
  bool ended_ = false;
};

}  // namespace remuda::app
