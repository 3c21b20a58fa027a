// SPDX-License-Identifier: Apache-2.0
//
// Input: the bytes received on one connection and not yet used. Starts in a buffer that it is lent and moves
// to the heap only for a head that outgrows it; what bounds it is the limit on heads, since bodies pass
// through it in pieces.
//
//     |  used, free  |  kept: a head  |  used  |  unread()  |  room()  |
//     data                          kept     begin        end        capacity
//
// The views of a request point into its head, so that stays untouched (keep_used) until the request is over
// (release).
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace remuda::http::h1 {

class Input {
 public:
  // Less room than that is not worth a system call.
  static constexpr size_t kLeastRoom = 512;

  explicit Input(std::span<std::byte> lent) : data_(lent.data()), capacity_(lent.size()) {}

  std::string_view unread() const { return {reinterpret_cast<const char*>(data_ + begin_), end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::span<std::byte> room() { return {data_ + end_, capacity_ - end_}; }
  void received(size_t bytes) { end_ += bytes; }
  void use(size_t bytes) { begin_ += bytes; }

  // What was used up to here stays where it is until release().
  void keep_used() { kept_ = begin_; }

  // Nothing that was used is needed any more: the request is over.
  void release() {
    kept_ = 0;
    retained_.reset();
    if (room().size() < capacity_ / 2) compact();
  }

  // Sees to at least kLeastRoom bytes of room. The unread bytes may move; what is kept does not.
  void make_room() {
    if (room().size() >= kLeastRoom) return;
    compact();
    if (room().size() < kLeastRoom) move_to(std::max(kLeastCapacity, 2 * (end_ - begin_)));
  }

 private:
  static constexpr size_t kLeastCapacity = 8 * 1024;

  // Drops what was used and is not kept.
  void compact() {
    if (begin_ == kept_) return;
    if (begin_ != end_) std::memmove(data_ + kept_, data_ + begin_, end_ - begin_);
    end_ -= begin_ - kept_;
    begin_ = kept_;
  }

  void move_to(size_t capacity) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (!empty()) std::memcpy(larger.get(), data_ + begin_, end_ - begin_);
    if (kept_ != 0) retained_ = std::move(heap_);
    heap_ = std::move(larger);
    data_ = heap_.get();
    capacity_ = capacity;
    end_ -= begin_;
    begin_ = kept_ = 0;
  }

  std::byte* data_;
  size_t capacity_;
  size_t kept_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::unique_ptr<std::byte[]> heap_;
  std::unique_ptr<std::byte[]> retained_;  // where a kept head stands, when the body has moved on
};

}  // namespace remuda::http::h1
