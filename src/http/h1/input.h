// SPDX-License-Identifier: Apache-2.0
//
// Input: the bytes received on one connection and not yet used. Starts in a buffer that it is lent and moves
// to the heap only for a head that outgrows it; what bounds it is the limit on heads, since bodies pass
// through it in pieces.
//
//     |  used  |  unread()  |  room()  |
//     data     begin        end        capacity
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace remuda::http::h1 {

class Input {
 public:
  explicit Input(std::span<std::byte> lent) : data_(lent.data()), capacity_(lent.size()) {}

  std::string_view unread() const { return {reinterpret_cast<const char*>(data_ + begin_), end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::span<std::byte> room() { return {data_ + end_, capacity_ - end_}; }
  void received(size_t bytes) { end_ += bytes; }
  void use(size_t bytes) { begin_ += bytes; }

  // Drops what was used, so that the unread bytes stand at the front. Moves them.
  void compact() {
    if (begin_ == 0) return;
    if (begin_ != end_) std::memmove(data_, data_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }

  // Twice the capacity. Moves the unread bytes.
  void grow() {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity_ * 2);
    std::memcpy(larger.get(), data_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    capacity_ *= 2;
    heap_ = std::move(larger);
    data_ = heap_.get();
  }

 private:
  std::byte* data_;
  size_t capacity_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::unique_ptr<std::byte[]> heap_;
};

}  // namespace remuda::http::h1
