// SPDX-License-Identifier: Apache-2.0
//
// Memory of the library: everything comes from malloc, is reused for the next request, and may be refused:
// then a call fails with ENOMEM, or a connection is closed, but nothing is lost that was promised.
//
//     Block   what is received. Requests point into it (parameters, body), so it is counted.
//     Chunk   what is to be sent: one record while it is filled, or several whole ones
//     Pool    gives and takes them; keeps some for the next time
//     Array   grows, keeps its memory; for trivial types
//
// Used under the App's lock, except that a Chunk being filled belongs to whoever fills it.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <new>

namespace remuda::app {

// The room after `bytes` is for the zero byte after a value that ends with the block.
struct Block {
  static constexpr size_t kSize = 64 * 1024;
  Block* next = nullptr;
  uint32_t references = 0;
  char bytes[kSize + 8];
};

// `filled` bytes stand in it, of which `sent` have gone. While it is a record being filled, its header's
// place is kept free and `stream` is its record type.
struct Chunk {
  static constexpr size_t kSize = 16 * 1024;
  Chunk* next = nullptr;
  uint32_t filled = 0;
  uint32_t sent = 0;
  uint8_t stream = 0;
  alignas(8) char bytes[kSize];

  size_t left() const { return filled - sent; }
  size_t room() const { return kSize - filled; }
};

template <class T>
class Pool {
 public:
  explicit Pool(size_t keep) : keep_(keep) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    while (T* one = free_) {
      free_ = one->next;
      ::free(one);
    }
  }

  // Null when there is no memory. Its bytes are not cleared.
  T* take() {
    T* one = free_;
    if (one != nullptr) {
      free_ = one->next;
      --kept_;
    } else {
      one = static_cast<T*>(malloc(sizeof(T)));
      if (one == nullptr) return nullptr;
    }
    return new (one) T;
  }

  void give(T* one) {
    if (kept_ == keep_) return ::free(one);
    one->next = free_;
    free_ = one;
    ++kept_;
  }

 private:
  T* free_ = nullptr;
  size_t kept_ = 0;
  size_t keep_;
};

using ChunkPool = Pool<Chunk>;

class BlockPool : public Pool<Block> {
 public:
  using Pool::Pool;
  void drop(Block* block) {
    if (block != nullptr && --block->references == 0) give(block);
  }
};

// Chunks in the order of sending.
class ChunkQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  Chunk* first() const { return first_; }
  Chunk* last() const { return empty() ? nullptr : last_; }
  void push(Chunk* chunk) {
    chunk->next = nullptr;
    if (empty()) {
      first_ = chunk;
    } else {
      last_->next = chunk;
    }
    last_ = chunk;
  }
  Chunk* pop() {
    Chunk* chunk = first_;
    if (chunk != nullptr) first_ = chunk->next;
    return chunk;
  }
  void clear(ChunkPool& pool) {
    while (Chunk* chunk = pop()) pool.give(chunk);
  }

 private:
  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
};

template <class T>
class Array {
 public:
  Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { ::free(items_); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }
  T* data() { return items_; }
  T& back() { return items_[size_ - 1]; }
  void clear() { size_ = 0; }
  void pop() { --size_; }

  // Room for so many in all. False: no memory, nothing has changed.
  bool reserve(size_t count) {
    if (count <= capacity_) return true;
    size_t capacity = capacity_ == 0 ? 16 : capacity_;
    while (capacity < count) capacity *= 2;
    void* items = realloc(static_cast<void*>(items_), capacity * sizeof(T));
    if (items == nullptr) return false;
    items_ = static_cast<T*>(items);
    capacity_ = capacity;
    return true;
  }
  bool push(const T& item) {
    if (!reserve(size_ + 1)) return false;
    items_[size_++] = item;
    return true;
  }
  bool append(const T* items, size_t count) {
    if (!reserve(size_ + count)) return false;
    memcpy(items_ + size_, items, count * sizeof(T));
    size_ += count;
    return true;
  }
  void remove_first(size_t count) {
    size_ -= count;
    memmove(items_, items_ + count, size_ * sizeof(T));
  }
  void release() {
    ::free(items_);
    items_ = nullptr;
    size_ = capacity_ = 0;
  }
  size_t capacity() const { return capacity_; }

 private:
  T* items_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace remuda::app
