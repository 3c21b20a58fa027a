// SPDX-License-Identifier: Apache-2.0
//
// Ranges of addresses, for what moves pages of this process.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace remuda::app {

inline constexpr uintptr_t kPage = 4096;
inline constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

constexpr uintptr_t down(uintptr_t address, uintptr_t size) { return address & ~(size - 1); }
constexpr uintptr_t up(uintptr_t address, uintptr_t size) { return down(address + size - 1, size); }

inline void* at(uintptr_t address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

struct Range {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  size_t size() const { return end - begin; }
  bool has(const void* address) const {
    return begin <= reinterpret_cast<uintptr_t>(address) && reinterpret_cast<uintptr_t>(address) < end;
  }
};

// Private memory without anything in it, at a multiple of a huge page. Null: there is none.
inline void* reserve_aligned(size_t size) {
  void* const memory = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  const auto first = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = up(first, kHugePage);
  if (begin != first) munmap(memory, begin - first);
  if (begin + size != first + size + kHugePage) munmap(at(begin + size), first + kHugePage - begin);
  return at(begin);
}

// Makes huge pages of what lies there. false: errno says why not. The kernel may be at a page of it just now,
// so this waits some milliseconds at most.
inline bool collapse(void* memory, size_t size) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    if (madvise(memory, size, MADV_COLLAPSE) == 0) return true;
    if (errno != EAGAIN && errno != EBUSY) return false;
    usleep(1000);
  }
  return false;
}

// Exchanges what a range has for this memory, in one step. false: all is as it was.
inline bool put(void* memory, const Range& range) {
  return mremap(memory, range.size(), range.size(), MREMAP_MAYMOVE | MREMAP_FIXED, at(range.begin)) !=
         MAP_FAILED;
}

// For /proc/PID/maps, where a file's name is no more.
inline void name_code(const Range& range) {
#ifdef PR_SET_VMA_ANON_NAME
  prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, range.begin, range.size(), "code in huge pages");
#else
  (void)range;
#endif
}

}  // namespace remuda::app
