// SPDX-License-Identifier: Apache-2.0
//
// Arena: memory that lives exactly as long as one request. Allocation moves a pointer; reset() frees all at
// once.
//
// The first block belongs to the owner (usually part of a pooled object), so a request that stays small never
// touches the heap. Objects are not destroyed: put only trivially destructible things here. One thread at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace remuda::base {

class Arena {
 public:
  // `first` outlives the arena.
  explicit Arena(std::span<std::byte> first) : first_(first) { use(first); }
  ~Arena() { free_blocks(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(size_t bytes, size_t alignment = alignof(std::max_align_t)) {
    const auto at = (reinterpret_cast<uintptr_t>(next_) + alignment - 1) & ~(alignment - 1);
    if (at + bytes > reinterpret_cast<uintptr_t>(end_)) [[unlikely]]
      return allocate_from_heap(bytes, alignment);
    next_ = reinterpret_cast<std::byte*>(at + bytes);
    return reinterpret_cast<void*>(at);
  }

  template <typename T, typename... Arguments>
  T* make(Arguments&&... arguments) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Arguments>(arguments)...);
  }

  template <typename T>
  std::span<T> make_array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    auto* first = static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* to = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  // The pieces one after the other.
  template <typename... Pieces>
  std::string_view join(const Pieces&... pieces) {
    const size_t total = (std::string_view(pieces).size() + ... + 0);
    auto* to = static_cast<char*>(allocate(total, 1));
    char* at = to;
    auto append = [&at](std::string_view piece) {
      if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    };
    (append(std::string_view(pieces)), ...);
    return {to, total};
  }

  void reset() {
    free_blocks();
    use(first_);
  }

 private:
  struct Block {
    Block* older;
  };

  void use(std::span<std::byte> block) {
    next_ = block.data();
    end_ = block.data() + block.size();
  }
  void* allocate_from_heap(size_t bytes, size_t alignment);
  void free_blocks() {
    if (blocks_ != nullptr) [[unlikely]]
      release_blocks();
  }
  void release_blocks();

  std::span<std::byte> first_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  Block* blocks_ = nullptr;
};

}  // namespace remuda::base
