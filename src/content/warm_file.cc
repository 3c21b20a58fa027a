// SPDX-License-Identifier: Apache-2.0
//
// cachestat(2) counts the pages of a range that are in memory, those being read in just now included; the
// byte read with RWF_NOWAIT tells whether the last of them has arrived.
#include "content/warm_file.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace remuda::content {

namespace {

constexpr long kCachestat = 451;           // the same number on every architecture; Linux 6.5
constexpr uint64_t kWholeLook = 16 << 20;  // files up to this size are looked at whole
constexpr std::chrono::seconds kBelieved{1};
constexpr size_t kReadAtOnce = 64 << 10;

struct CachestatRange {
  uint64_t offset;
  uint64_t length;
};
struct Cachestat {
  uint64_t cached;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

bool all_pages_cached(int fd, uint64_t offset, uint64_t length) {
  CachestatRange range{offset, length};
  Cachestat stat{};
  if (::syscall(kCachestat, fd, &range, &stat, 0U) != 0) return true;
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return stat.cached >= (offset + length - 1) / page - offset / page + 1;
}

bool byte_is_there(int fd, uint64_t offset) {
  char byte = 0;
  const iovec piece{&byte, 1};
  return ::preadv2(fd, &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

base::Result<void> read_through(int fd, uint64_t offset, uint64_t length) {
  std::array<char, kReadAtOnce> away;
  const uint64_t end = offset + length;
  while (offset < end) {
    const ssize_t got =
        ::pread(fd, away.data(), std::min<uint64_t>(away.size(), end - offset), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::failure_from_errno("read a file");
    if (got == 0) break;
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

}  // namespace

bool is_in_page_cache(int fd, uint64_t offset, uint64_t length) {
  if (length == 0) return true;
  return byte_is_there(fd, offset + length - 1) && all_pages_cached(fd, offset, length);
}

bool WarmFile::is_warm(int fd, uint64_t offset, uint64_t length) {
  const loop::Time now = loop_.now();
  if (now < variant_.warm_until) return true;
  const bool whole = variant_.facts.size <= kWholeLook;
  if (whole && is_in_page_cache(fd, 0, variant_.facts.size)) {
    variant_.warm_until = now + kBelieved;
    return true;
  }
  return is_in_page_cache(fd, offset, length);
}

loop::Task<void> WarmFile::warm(int fd, uint64_t offset, uint64_t length) {
  // A failure shows again when the piece is sent.
  co_await offload_.run(loop_, [=] { return read_through(fd, offset, length); });
}

}  // namespace remuda::content
