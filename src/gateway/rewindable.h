// SPDX-License-Identifier: Apache-2.0
//
// Rewindable: a body that can be read again from its beginning, so that a request with it can be sent again
// (principle 8).
#pragma once

#include <cstdint>

#include "http/body.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

class Rewindable : public http::Body {
 public:
  // Nobody is reading.
  virtual void rewind() = 0;
};

// At least one byte of `file` from `offset` on, 0 at its end; what would have to wait for the disk is read on
// an offload thread.
loop::Task<base::Result<size_t>> read_file(int file, uint64_t offset, std::span<std::byte> into,
                                           loop::Loop& loop, loop::Offload& offload);

}  // namespace remuda::gateway
