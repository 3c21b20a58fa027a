// SPDX-License-Identifier: Apache-2.0
//
// Pipe: one standard stream of a program. The near end stays here and does not block; the far end becomes the
// program's, and does, as programs expect.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"

namespace remuda::apps {

struct Pipe {
  base::Fd near;
  base::Fd far;
};

enum class Direction : uint8_t { kToProgram, kFromProgram };

// Errors: of pipe(2).
base::Result<Pipe> make_pipe(Direction direction);

}  // namespace remuda::apps
