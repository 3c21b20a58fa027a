// SPDX-License-Identifier: Apache-2.0
//
// ResponseStream: an application's answer: the buffer that its head is read into, and what follows the head
// as the body of the response: first what came with it, then the conversation, pulled as fast as the client
// reads.
//
// Kept by the exchange; letting it go tells the conversation whether the client was given everything: then
// the client's connection goes on at once, and the application finishes by itself, within its own limits. An
// answer that broke off, or that is shorter than was announced, is an error and never a normal end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "gateway/conversation.h"
#include "http/body.h"
#include "http/handler.h"

namespace remuda::gateway {

class OutputBuffer {
 public:
  explicit OutputBuffer(size_t first_size) : bytes_(new char[first_size]), capacity_(first_size) {}

  std::string_view text() const { return {bytes_.get(), size_}; }
  std::span<std::byte> room() {
    return {reinterpret_cast<std::byte*>(bytes_.get()) + size_, capacity_ - size_};
  }
  void added(size_t count) { size_ += count; }
  // Forgets the first `count` bytes; the others move.
  void drop(size_t count);
  // More room; false at the limit.
  bool grow(size_t limit);

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_;
  size_t size_ = 0;
};

class ResponseStream final : public http::Body {
 public:
  explicit ResponseStream(http::Exchange& exchange) : exchange_(exchange) {}
  ~ResponseStream() override;
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  OutputBuffer buffer{8 * 1024};

  // Another conversation in place of one that came to nothing: nothing of that one is in the buffer. `input`:
  // what it reads last of what it is sent piece by piece, or null; outlives stop().
  void attach(std::shared_ptr<Conversation> conversation, const http::Body* input);
  // Lets the conversation go: nobody will read on. Its input has been stopped.
  void detach();

  // What stands in the buffer behind `begin` comes first. `length`: what the application announced.
  void open(size_t begin, std::optional<uint64_t> length);
  // The whole content has been handed over as memory, or nobody wants it, or there is none.
  void settle() { debt_ = Conversation::Debt::kPaid; }

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override;
  size_t ready() const override { return rest_.size(); }
  loop::Task<void> stop() override;

  // The application has not been sent its whole request yet.
  bool input_flows() const { return input_ != nullptr && input_->remaining() != uint64_t{0}; }

  Conversation& conversation() { return *conversation_; }

 private:
  loop::Task<void> let_input_end();
  loop::Task<base::Result<size_t>> end(int error);
  void count(size_t bytes);
  std::unexpected<base::Error> fail(std::string_view trouble);

  std::shared_ptr<Conversation> conversation_;
  const http::Body* input_ = nullptr;
  http::Exchange& exchange_;
  std::string_view rest_;
  std::optional<uint64_t> length_;
  uint64_t given_ = 0;
  Conversation::Debt debt_ = Conversation::Debt::kOwed;
};

}  // namespace remuda::gateway
