// SPDX-License-Identifier: Apache-2.0
//
// The free lists are thread-local state, the one exception from "no mutable global": a coroutine's operator
// new has no way to be handed an allocator without one pointer more in every frame.
#include "loop/frame_allocator.h"

#include <array>
#include <cstdlib>

#include "base/check.h"

namespace remuda::loop {

namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REMUDA_FRAMES_FROM_HEAP 1
#endif
#endif
#ifdef REMUDA_FRAMES_FROM_HEAP
constexpr bool kFromHeap = true;
#else
constexpr bool kFromHeap = false;
#endif

constexpr size_t kClassBytes = 32;
constexpr size_t kClasses = 256;  // up to 8 KiB; larger frames come from the heap

struct Unused {
  Unused* next;
};

struct Lists {
  std::array<Unused*, kClasses> first{};
  size_t live = 0;
};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the exception; see above
constinit thread_local Lists lists;

constexpr size_t class_of(size_t bytes) { return (bytes - 1) / kClassBytes; }

void* from_heap(size_t bytes) {
  void* const memory = std::malloc(bytes);
  CHECK(memory != nullptr);
  return memory;
}

}  // namespace

void* allocate_frame(size_t bytes) {
  ++lists.live;
  const size_t index = class_of(bytes);
  if (kFromHeap || index >= kClasses) return from_heap(bytes);
  Unused* const unused = lists.first[index];
  if (unused == nullptr) [[unlikely]]
    return from_heap((index + 1) * kClassBytes);
  lists.first[index] = unused->next;
  return unused;
}

void free_frame(void* frame, size_t bytes) {
  --lists.live;
  const size_t index = class_of(bytes);
  if (kFromHeap || index >= kClasses) {
    std::free(frame);
    return;
  }
  lists.first[index] = new (frame) Unused{lists.first[index]};
}

size_t live_frames() { return lists.live; }

void release_unused_frames() {
  for (Unused*& first : lists.first) {
    while (first != nullptr) {
      Unused* const next = first->next;
      std::free(first);
      first = next;
    }
  }
}

}  // namespace remuda::loop
