// SPDX-License-Identifier: Apache-2.0
#include "template_page_ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace remuda::app {

void* reserve_aligned(size_t size) {
  void* const memory = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  const auto first = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = up(first, kHugePage);
  if (begin != first) munmap(memory, begin - first);
  if (begin + size != first + size + kHugePage) munmap(at(begin + size), first + kHugePage - begin);
  return at(begin);
}

bool copy_pages(const Range& from, void* to) {
  const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (memory < 0) return false;
  const ssize_t size = pread(memory, to, from.size(), static_cast<off_t>(from.begin));
  close(memory);
  return size == static_cast<ssize_t>(from.size());
}

bool collapse(void* memory, size_t size) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    if (madvise(memory, size, MADV_COLLAPSE) == 0) return true;
    if (errno != EAGAIN && errno != EBUSY) return false;
    usleep(1000);
  }
  return false;
}

bool put(void* memory, const Range& range) {
  return mremap(memory, range.size(), range.size(), MREMAP_MAYMOVE | MREMAP_FIXED, at(range.begin)) !=
         MAP_FAILED;
}

void name_code(const Range& range) {
#ifdef PR_SET_VMA_ANON_NAME
  prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, range.begin, range.size(), "code in huge pages");
#else
  (void)range;
#endif
}

}  // namespace remuda::app
