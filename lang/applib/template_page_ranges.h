// SPDX-License-Identifier: Apache-2.0
//
// Ranges of addresses of this process, and what is done to move what lies there into huge pages.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace remuda::app {

inline constexpr uintptr_t kPage = 4096;
inline constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

// A sanitizer writes down what this thread does, at any time.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REMUDA_IS_SANITIZED 1
#endif
#endif
#ifdef REMUDA_IS_SANITIZED
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

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
void* reserve_aligned(size_t size);

// Copies whole pages, through the kernel, which refuses what cannot be read: a file may have become shorter
// than its mapping. And no sanitizer looks at what it has put between variables.
bool copy_pages(const Range& from, void* to);

// Makes huge pages of what lies there. false: errno says why not. The kernel may be at a page of it just now,
// so this waits some milliseconds at most.
bool collapse(void* memory, size_t size);

// Exchanges what a range has for this memory, in one step. false: it has not happened; the kernel looks at
// its limits before it changes anything.
bool put(void* memory, const Range& range);

// For /proc/PID/maps, where a file's name is no more.
void name_code(const Range& range);

}  // namespace remuda::app
