// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/rewindable.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace remuda::gateway {

namespace {

base::Result<size_t> read_at(int file, uint64_t offset, std::span<std::byte> into, int flags) {
  const iovec room{into.data(), into.size()};
  while (true) {
    const ssize_t got = ::preadv2(file, &room, 1, static_cast<off_t>(offset), flags);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return base::failure_from_errno("read a file");
  }
}

}  // namespace

loop::Task<base::Result<size_t>> read_file(int file, uint64_t offset, std::span<std::byte> into,
                                           loop::Loop& loop, loop::Offload& offload) {
  const auto warm = read_at(file, offset, into, RWF_NOWAIT);
  if (warm || (warm.error().code != EAGAIN && warm.error().code != EOPNOTSUPP)) co_return warm;
  co_return co_await offload.run(loop, [=] { return read_at(file, offset, into, 0); });
}

}  // namespace remuda::gateway
