// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/response_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace remuda::gateway {

namespace {

// How long the end of the answer waits for the end of the program, so that one that was killed is noticed.
constexpr auto kEndGrace = std::chrono::milliseconds(100);

}  // namespace

bool OutputBuffer::grow(size_t limit) {
  if (capacity_ >= limit) return false;
  const size_t larger = std::min(capacity_ * 2, limit);
  std::unique_ptr<char[]> bytes(new char[larger]);
  std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  capacity_ = larger;
  return true;
}

void OutputBuffer::drop(size_t count) {
  size_ -= count;
  std::memmove(bytes_.get(), bytes_.get() + count, size_);
}

ResponseStream::~ResponseStream() { detach(); }

void ResponseStream::attach(std::shared_ptr<Conversation> conversation, const http::Body* input) {
  conversation_ = std::move(conversation);
  input_ = input;
}

void ResponseStream::detach() {
  if (conversation_ != nullptr) std::exchange(conversation_, nullptr)->let_go(debt_);
}

void ResponseStream::open(size_t begin, std::optional<uint64_t> length) {
  rest_ = buffer.text().substr(begin);
  length_ = length;
  if (length_ == uint64_t{0}) settle();
}

loop::Task<base::Result<size_t>> ResponseStream::read(std::span<std::byte> into) {
  if (!rest_.empty()) {
    const size_t size = std::min(into.size(), rest_.size());
    std::memcpy(into.data(), rest_.data(), size);
    rest_.remove_prefix(size);
    count(size);
    co_return size;
  }
  const auto got = co_await conversation_->read(into);
  if (!got || *got == 0) co_return co_await end(got ? 0 : got.error().code);
  count(*got);
  co_return got;
}

// The client may go once it has been given everything: what the application still does is its own.
loop::Task<void> ResponseStream::stop() {
  if (debt_ == Conversation::Debt::kPaid) {
    exchange_.stop_watching();
    if (input_flows()) co_await let_input_end();
  }
  co_await conversation_->stop_input();
}

// An application that answers before it has read its request could not finish without the rest of it. It is
// given that as long as it takes it; the client's next request mostly stands behind the same bytes.
loop::Task<void> ResponseStream::let_input_end() {
  std::array<std::byte, 4096> dropped;
  do {
    const auto got = co_await conversation_->read(dropped, exchange_.loop.now() + kEndGrace);
    if (got ? *got == 0 : got.error().code != ETIMEDOUT) co_return;
    co_await exchange_.loop.yield();
  } while (input_flows());
}

void ResponseStream::count(size_t bytes) {
  given_ += bytes;
  if (length_ && given_ >= *length_) settle();
}

// The answer has ended, or broke off with `error`.
loop::Task<base::Result<size_t>> ResponseStream::end(int error) {
  co_await conversation_->stop_input();
  const bool is_short = length_ && given_ < *length_;
  if (error != 0 || is_short || !length_) {
    const Verdict verdict = co_await conversation_->ended(kEndGrace);
    if (error != 0 || verdict.kind != Verdict::Kind::kWhole) co_return fail(verdict.trouble);
    if (is_short) co_return fail("the program sent less than its Content-Length");
  }
  settle();
  co_return size_t{0};
}

std::unexpected<base::Error> ResponseStream::fail(std::string_view trouble) {
  exchange_.trouble = exchange_.arena.copy(trouble);
  conversation_->set_trouble(trouble);
  return base::failure(EIO, "take the rest of an application's answer");
}

}  // namespace remuda::gateway
