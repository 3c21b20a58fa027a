// SPDX-License-Identifier: Apache-2.0
//
// spool(): takes a request's whole body in, so that its length is known and a program can read it like a
// file: in memory up to a bound, beyond in a file without a name.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "http/body.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

struct Spooled {
  base::Fd file;  // at its beginning
  uint64_t size = 0;
};

struct SpoolBounds {
  uint64_t memory = 1024 * 1024;  // bytes; beyond, a file in `directory`
  uint64_t most = UINT64_MAX;     // bytes; EMSGSIZE beyond
  std::string directory = "/tmp";
};

// A file without a name in `directory`. Blocks.
base::Result<base::Fd> open_spool_file(const std::string& directory);

// Errors: of Body::read, EMSGSIZE, of the file (ENOSPC above all).
loop::Task<base::Result<Spooled>> spool(http::Body& body, const SpoolBounds& bounds, loop::Loop& loop,
                                        loop::Offload& offload);

}  // namespace remuda::gateway
