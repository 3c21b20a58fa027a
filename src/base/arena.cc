// SPDX-License-Identifier: Apache-2.0
//
// The slow side of the Arena: blocks from the heap for requests that outgrow their first block.
#include "base/arena.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"

namespace remuda::base {

namespace {
constexpr size_t kBlockBytes = 16 * 1024;
}  // namespace

void* Arena::allocate_from_heap(size_t bytes, size_t alignment) {
  const size_t size = std::max(kBlockBytes, sizeof(Block) + bytes + alignment);
  auto* memory = static_cast<std::byte*>(std::malloc(size));
  CHECK(memory != nullptr);
  blocks_ = new (memory) Block{blocks_};
  use({memory + sizeof(Block), size - sizeof(Block)});
  return allocate(bytes, alignment);
}

void Arena::release_blocks() {
  while (blocks_ != nullptr) {
    Block* const older = blocks_->older;
    std::free(blocks_);
    blocks_ = older;
  }
}

}  // namespace remuda::base
