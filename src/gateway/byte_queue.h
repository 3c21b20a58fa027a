// SPDX-License-Identifier: Apache-2.0
//
// ByteQueue: bytes in memory, first in, first out. One loop, one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace remuda::gateway {

class ByteQueue {
 public:
  size_t size() const { return bytes_.size() - taken_; }
  bool empty() const { return size() == 0; }
  std::string_view text() const { return std::string_view(bytes_).substr(taken_); }

  void append(std::string_view bytes) {
    if (taken_ > bytes_.size() / 2) {
      bytes_.erase(0, taken_);
      taken_ = 0;
    }
    bytes_.append(bytes);
  }

  size_t take(std::span<std::byte> into) {
    const size_t count = std::min(into.size(), size());
    if (count > 0) std::memcpy(into.data(), bytes_.data() + taken_, count);
    drop(count);
    return count;
  }

  // Takes `count` bytes away from the front.
  void drop(size_t count) {
    taken_ += count;
    if (empty()) clear();
  }

  void clear() {
    bytes_.clear();
    taken_ = 0;
  }
  void swap(ByteQueue& other) noexcept {
    bytes_.swap(other.bytes_);
    std::swap(taken_, other.taken_);
  }

 private:
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace remuda::gateway
