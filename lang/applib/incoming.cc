// SPDX-License-Identifier: Apache-2.0
//
// See incoming.h.
#include "incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

namespace remuda::app {

int Incoming::append(Block& block, char* data, size_t size, const Block* pinned) {
  if (first_ < pieces_.size() && pieces_.back().data + pieces_.back().size == data) {
    pieces_.back().size += size;
    return 0;
  }
  if (first_ > 0 && first_ * 2 >= pieces_.size()) {
    pieces_.remove_first(first_);
    first_ = 0;
  }
  const Block* last = pieces_.empty() ? nullptr : pieces_.back().block;
  const size_t cost = sizeof(Piece) + (&block == last || &block == pinned ? 0 : Block::kSize);
  if (!pieces_.push({&block, data, size, cost})) return ENOMEM;
  ++block.references;
  cost_ += cost;
  return 0;
}

int Incoming::open_file() {
  const char* folder = getenv("TMPDIR");
  if (folder == nullptr || *folder == '\0') folder = "/tmp";
  file_ = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ >= 0) return 0;
  char name[4096];  // a file system without O_TMPFILE
  const int size = snprintf(name, sizeof(name), "%s/remuda-app-XXXXXX", folder);
  if (size < 0 || static_cast<size_t>(size) >= sizeof(name)) return ENAMETOOLONG;
  file_ = mkostemp(name, O_CLOEXEC);
  if (file_ < 0) return errno;
  unlink(name);
  return 0;
}

int Incoming::spill(const char* data, size_t size, uint64_t most) {
  if (error_ == 0 && file_ < 0) error_ = open_file();
  if (error_ == 0 && size > most - (written_ - freed_)) error_ = ENOSPC;
  while (error_ == 0 && size > 0) {
    const ssize_t put = pwrite(file_, data, size, static_cast<off_t>(written_));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      error_ = put < 0 ? errno : EIO;
      break;
    }
    written_ += static_cast<size_t>(put);
    data += put;
    size -= static_cast<size_t>(put);
  }
  return error_;
}

// What has been read is given back to the disk. Not every file system can; there it counts until all of it
// has been read.
void Incoming::free_disk() {
  if (!spilling()) {
    if (ftruncate(file_, 0) == 0) written_ = fetched_ = freed_ = 0;
  } else if (fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(freed_),
                       static_cast<off_t>(fetched_ - freed_)) == 0) {
    freed_ = fetched_;
  }
}

void Incoming::fetch(BlockPool& blocks) {
  Block* block = blocks.take();
  if (block == nullptr) {
    error_ = ENOMEM;
    return;
  }
  block->references = 1;
  const uint64_t left = written_ - fetched_;
  const ssize_t got =
      pread(file_, block->bytes, left < Block::kSize ? left : Block::kSize, static_cast<off_t>(fetched_));
  if (got > 0) {
    fetched_ += static_cast<size_t>(got);
    error_ = append(*block, block->bytes, static_cast<size_t>(got), nullptr);
    free_disk();
  } else if (got == 0 || errno != EINTR) {
    error_ = got < 0 ? errno : EIO;
  }
  blocks.drop(block);
}

Bytes Incoming::front(BlockPool& blocks) {
  while (first_ == pieces_.size() && spilling() && (error_ == 0 || error_ == ENOSPC)) {
    const int before = error_;
    fetch(blocks);
    if (error_ == 0) error_ = before;
  }
  if (first_ == pieces_.size()) return {};
  return {pieces_[first_].data, pieces_[first_].size};
}

void Incoming::skip(size_t size, BlockPool& blocks) {
  while (size > 0 && first_ < pieces_.size()) {
    Piece& piece = pieces_[first_];
    const size_t taken = size < piece.size ? size : piece.size;
    piece.data += taken;
    piece.size -= taken;
    size -= taken;
    if (piece.size > 0) break;
    cost_ -= piece.cost;
    blocks.drop(piece.block);
    ++first_;
  }
  if (first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
  }
}

void Incoming::clear(BlockPool& blocks) {
  for (; first_ < pieces_.size(); ++first_) blocks.drop(pieces_[first_].block);
  if (pieces_.capacity() > 4096) {
    pieces_.release();
  } else {
    pieces_.clear();
  }
  if (file_ >= 0) close(file_);
  file_ = -1;
  first_ = cost_ = 0;
  written_ = fetched_ = freed_ = 0;
  error_ = 0;
  ended_ = false;
}

Incoming::~Incoming() {
  if (file_ >= 0) close(file_);
}

}  // namespace remuda::app
