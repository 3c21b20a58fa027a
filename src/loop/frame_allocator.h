// SPDX-License-Identifier: Apache-2.0
//
// Memory for coroutine frames: per thread, one free list for each size class of 32 bytes.
//
// A frame that ends goes back to its list and the next coroutine of that size takes it, so a request that
// runs for the second time costs no call of malloc. Frames never change threads (a Task lives on one loop).
// Under a sanitizer every frame comes from the heap, so that a use after the end is seen. `live_frames`
// counts what has not ended: a test that ends with another count than it began with has leaked a task.
#pragma once

#include <cstddef>

namespace remuda::loop {

void* allocate_frame(size_t bytes);
void free_frame(void* frame, size_t bytes);

// Frames of this thread that have not ended.
size_t live_frames();

// Gives this thread's unused frames back to the heap: at the end of a loop's thread.
void release_unused_frames();

}  // namespace remuda::loop
