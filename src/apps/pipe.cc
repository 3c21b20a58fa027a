// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/pipe.h"

#include <fcntl.h>
#include <unistd.h>

namespace remuda::apps {

base::Result<Pipe> make_pipe(Direction direction) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return base::failure_from_errno("make a pipe");
  const bool reads = direction == Direction::kFromProgram;
  Pipe pipe{base::Fd(ends[reads ? 0 : 1]), base::Fd(ends[reads ? 1 : 0])};
  if (::fcntl(pipe.near.get(), F_SETFL, O_NONBLOCK) < 0) return base::failure_from_errno("make a pipe");
  return pipe;
}

}  // namespace remuda::apps
