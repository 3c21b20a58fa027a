// SPDX-License-Identifier: Apache-2.0
//
// Inbox: what an application has answered and its client has not taken yet. So that a slow client holds
// neither the process nor its neighbours on the connection: in memory up to a credit, then in a file without
// a name.
//
//     append --> back (memory) --store()--> file --load()--> front (memory) --> take
//                     \________________ while nothing is in the file ________/
//
// store() and load() work on offload threads, started by the owner; the order of bytes is kept whatever ends
// first. A disk that fails is not used again: what was to go there stays in memory, and room() says no.
// One loop, one thread; the owner keeps it alive while store() or load() runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "gateway/byte_queue.h"
#include "loop/event.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

struct InboxBounds {
  uint64_t memory = 256 * 1024;  // bytes
  uint64_t spill = 0;            // bytes on disk; 0: none
  std::string_view directory;    // for the file; outlives the inbox
};

class Inbox {
 public:
  Inbox(loop::Loop& loop, loop::Offload& offload, InboxBounds bounds)
      : loop_(loop), offload_(offload), bounds_(bounds), stored_(loop) {}

  // Takes everything, whatever the room: who gives looks at room() after.
  void append(std::string_view bytes);

  // From memory, without waiting; 0: is_empty(), or load() is to be awaited.
  size_t take(std::span<std::byte> into);
  bool is_empty() const { return front_.empty() && back_.empty() && !in_file_; }
  // Brings something to the front. Errors: of the file.
  loop::Task<base::Result<void>> load();

  // Whether there is work for store() that nobody does.
  bool wants_store() const { return in_file_ && !storing_ && may_spill() && back_.size() >= kPiece; }
  // Writes to the file until less than a piece is left to be written.
  loop::Task<void> store();

  enum class Room : uint8_t {
    kYes,
    kSoon,  // not until the disk has taken what is under way
    kNo,    // not until somebody has taken something
  };
  Room room() const;
  // Whether the disk is behind by as much again as the memory's bound: for whoever does not heed kSoon.
  bool is_overdrawn() const { return back_.size() > 2 * bounds_.memory + kPiece; }

 private:
  static constexpr size_t kPiece = 64 * 1024;

  bool may_spill() const { return spill_error_ == 0 && bounds_.spill > 0; }
  // On an offload thread; `file_` is nobody else's meanwhile but for reading what was written before.
  base::Result<void> write_piece(uint64_t at, std::string_view bytes);
  base::Result<std::string> read_piece(uint64_t at, size_t most) const;

  loop::Loop& loop_;
  loop::Offload& offload_;
  const InboxBounds bounds_;
  ByteQueue front_;
  ByteQueue back_;
  bool in_file_ = false;  // what comes goes to the back: older bytes are in the file, or on their way there
  bool storing_ = false;
  int spill_error_ = 0;
  base::Fd file_;
  uint64_t written_ = 0;  // of the file
  uint64_t read_ = 0;
  loop::Event stored_;
};

}  // namespace remuda::gateway
