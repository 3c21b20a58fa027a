// SPDX-License-Identifier: Apache-2.0
//
// TakenOver: the bytes of a connection that a handler has taken over (Takeover), first those that came with
// the request. Lives as long as the takeover runs; one reader and one writer at a time.
#pragma once

#include "http/h1/exchange.h"
#include "http/handler.h"

namespace remuda::http::h1 {

class TakenOver final : public ByteStream {
 public:
  TakenOver(Driver& driver, Output& output, Input& input) : driver_(driver), output_(output), input_(input) {}

  // ETIMEDOUT when nothing has come for as long as a connection may be idle.
  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override {
    if (!input_.empty()) {
      const size_t count = std::min(into.size(), input_.unread().size());
      std::memcpy(into.data(), input_.unread().data(), count);
      input_.use(count);
      received_ += count;
      co_return count;
    }
    loop::Loop& loop = driver_.loop();
    const auto got = co_await loop.receive(output_.socket(), into, loop.now() + driver_.options().idle);
    received_ += got.value_or(0);
    co_return got;
  }

  loop::Task<base::Result<void>> write(std::span<const std::byte> bytes) override {
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    co_return co_await output_.send({&piece, 1}, 0);
  }

  uint64_t received() const { return received_; }

 private:
  Driver& driver_;
  Output& output_;
  Input& input_;
  uint64_t received_ = 0;
};

}  // namespace remuda::http::h1
