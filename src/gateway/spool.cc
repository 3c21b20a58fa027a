// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/spool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gateway/nameless_file.h"

namespace remuda::gateway {

namespace {

constexpr uint64_t kFirstRoom = 8 * 1024;
constexpr uint64_t kPiece = 64 * 1024;

base::Result<void> write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::failure_from_errno("write a spool file");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

loop::Task<base::Result<void>> Spool::take(http::Body& body) {
  while (true) {
    const std::span<std::byte> into = room(body.remaining());
    const auto got = co_await body.read(into);
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) break;
    size_ += *got;
    if (size_ > bounds_.most) co_return base::failure(EMSGSIZE, "spool a body");
    if (!file_ && size_ <= bounds_.memory) continue;
    if (const auto stored = co_await store(into.first(*got)); !stored) co_return stored;
  }
  if (file_) memory_.reset();
  co_return base::Result<void>();
}

// Behind what is in memory; when memory is full or the file has begun, a piece that will be written.
std::span<std::byte> Spool::room(std::optional<uint64_t> still_to_come) {
  const uint64_t kept = file_ ? 0 : size_;
  if (capacity_ == kept) {
    // One byte more than is announced, so that the end needs no more room.
    const uint64_t wanted = still_to_come ? kept + *still_to_come + 1 : std::max(kept * 2, kFirstRoom);
    const uint64_t larger = std::max(std::min(wanted, bounds_.memory + kPiece), kept + 1);
    std::unique_ptr<std::byte[]> memory(new std::byte[larger]);
    if (kept > 0) std::memcpy(memory.get(), memory_.get(), kept);
    memory_ = std::move(memory);
    capacity_ = larger;
  }
  return {memory_.get() + kept, capacity_ - kept};
}

// What was in memory moves to the disk with the first piece that is too much for it.
loop::Task<base::Result<void>> Spool::store(std::span<const std::byte> piece) {
  if (!file_) piece = {memory_.get(), size_};
  co_return co_await offload_.run(loop_, [&]() -> base::Result<void> {
    if (!file_) {
      auto opened = open_nameless_file(std::string(bounds_.directory));
      if (!opened) return std::unexpected(opened.error());
      file_ = std::move(*opened);
    }
    return write_all(file_.get(), piece);
  });
}

base::Result<int> Spool::descriptor() {
  if (!file_) {
    base::Fd memory(::memfd_create("remuda-spool", MFD_CLOEXEC));
    if (!memory) return base::failure_from_errno("make a spool");
    if (const auto written = write_all(memory.get(), {memory_.get(), size_}); !written)
      return std::unexpected(written.error());
    file_ = std::move(memory);
  }
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) return base::failure_from_errno("rewind a spool");
  return file_.get();
}

loop::Task<base::Result<size_t>> Spool::read(std::span<std::byte> into) {
  const auto piece = into.first(std::min<uint64_t>(into.size(), size_ - at_));
  if (piece.empty()) co_return size_t{0};
  if (!file_) {
    std::memcpy(piece.data(), memory_.get() + at_, piece.size());
    at_ += piece.size();
    co_return piece.size();
  }
  const auto got = co_await read_file(file_.get(), at_, piece, loop_, offload_);
  if (got) at_ += *got;
  if (got && *got == 0) co_return base::failure(EIO, "read a spool");
  co_return got;
}

}  // namespace remuda::gateway
