// SPDX-License-Identifier: Apache-2.0
//
// Memory is a memfd: the program gets a descriptor either way. Writes to the disk happen on an offload
// thread.
#include "gateway/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace remuda::gateway {

namespace {

constexpr size_t kPiece = 64 * 1024;

base::Result<void> write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::failure_from_errno("write a spool file");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

// What was in memory moves to the disk.
base::Result<base::Fd> move_to_disk(int memory, const std::string& directory) {
  auto disk = open_spool_file(directory);
  if (!disk) return disk;
  std::vector<std::byte> room(kPiece);
  off_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(memory, room.data(), room.size(), offset);
    if (got < 0) return base::failure_from_errno("read a spool");
    if (got == 0) return disk;
    if (auto written = write_all(disk->get(), std::span(room).first(static_cast<size_t>(got))); !written)
      return std::unexpected(written.error());
    offset += got;
  }
}

}  // namespace

base::Result<base::Fd> open_spool_file(const std::string& directory) {
  base::Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR) return base::failure_from_errno("make a spool file");
  std::string name = directory + "/remuda-spool-XXXXXX";
  file.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) return base::failure_from_errno("make a spool file");
  ::unlink(name.c_str());
  return file;
}

loop::Task<base::Result<Spooled>> spool(http::Body& body, const SpoolBounds& bounds, loop::Loop& loop,
                                        loop::Offload& offload) {
  Spooled spooled{base::Fd(::memfd_create("remuda-spool", MFD_CLOEXEC)), 0};
  if (!spooled.file) co_return base::failure_from_errno("make a spool");
  std::vector<std::byte> room(kPiece);
  bool on_disk = false;
  while (true) {
    const auto got = co_await body.read(room);
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) break;
    spooled.size += *got;
    if (spooled.size > bounds.most) co_return base::failure(EMSGSIZE, "spool a body");
    if (!on_disk && spooled.size > bounds.memory) {
      auto disk =
          co_await offload.run(loop, [&] { return move_to_disk(spooled.file.get(), bounds.directory); });
      if (!disk) co_return std::unexpected(disk.error());
      spooled.file = std::move(*disk);
      on_disk = true;
    }
    const auto piece = std::span(room).first(*got);
    const auto write = [&] { return write_all(spooled.file.get(), piece); };
    const auto written = on_disk ? co_await offload.run(loop, write) : write();
    if (!written) co_return std::unexpected(written.error());
  }
  if (::lseek(spooled.file.get(), 0, SEEK_SET) < 0) co_return base::failure_from_errno("rewind a spool");
  co_return spooled;
}

}  // namespace remuda::gateway
