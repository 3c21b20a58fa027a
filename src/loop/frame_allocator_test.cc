// SPDX-License-Identifier: Apache-2.0
//
// The second run of a story takes its frames from the first run's, not from the heap.
#include "loop/frame_allocator.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstring>
#include <thread>
#include <vector>

#include "loop/backend/deterministic.h"
#include "loop/loop.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REMUDA_SANITIZED 1
#endif
#endif
#ifdef REMUDA_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

namespace remuda::loop {
namespace {

TEST(FrameAllocator, AFrameIsUsedAgain) {
  if (kSanitized) GTEST_SKIP() << "under a sanitizer every frame comes from the heap";
  void* const first = allocate_frame(200);
  std::memset(first, 1, 200);
  free_frame(first, 200);
  void* const second = allocate_frame(193);  // the same class: 193 to 224 bytes
  EXPECT_EQ(first, second);
  void* const other = allocate_frame(257);
  EXPECT_NE(first, other);
  free_frame(second, 193);
  free_frame(other, 257);
}

TEST(FrameAllocator, CountsWhatLives) {
  const size_t before = live_frames();
  std::vector<std::pair<void*, size_t>> frames;
  for (const size_t bytes : {1, 64, 65, 4095, 4096, 4097, 100000}) {
    frames.emplace_back(allocate_frame(bytes), bytes);
    std::memset(frames.back().first, 0xff, bytes);
  }
  EXPECT_EQ(live_frames(), before + 7);
  for (const auto& [frame, bytes] : frames) free_frame(frame, bytes);
  EXPECT_EQ(live_frames(), before);
}

TEST(FrameAllocator, EveryThreadHasItsOwn) {
  void* const here = allocate_frame(100);
  std::thread([] {
    EXPECT_EQ(live_frames(), 0U);
    void* const there = allocate_frame(100);
    EXPECT_EQ(live_frames(), 1U);
    free_frame(there, 100);
    release_unused_frames();
  }).join();
  free_frame(here, 100);
}

Task<int> nested(Loop& loop, int depth) {
  if (depth == 0) {
    co_await loop.yield();
    co_return 1;
  }
  co_return 1 + co_await nested(loop, depth - 1);
}

Task<void> discard(Loop& loop, int depth) { static_cast<void>(co_await nested(loop, depth)); }

// Frames are never given back to the heap, so a run that took one from it leaves the heap larger.
TEST(FrameAllocator, TheSecondRunNeedsNoHeap) {
  if (kSanitized) GTEST_SKIP() << "under a sanitizer every frame comes from the heap";
  release_unused_frames();  // of other tests
  DeterministicBackend backend;
  Loop loop(backend);
  auto run = [&](int depth) {
    loop.root().spawn(discard(loop, depth));
    loop.run();
    return ::mallinfo2().uordblks;
  };
  const size_t after_first = run(20);
  EXPECT_EQ(run(20), after_first);
  EXPECT_GT(run(100), after_first);
}

}  // namespace
}  // namespace remuda::loop
