// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/response_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace remuda::gateway {

namespace {

// How long the end of the output waits for the end of the program, so that one that was killed is noticed.
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

ResponseStream::~ResponseStream() { run_->let_go(debt_); }

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
  const auto got = co_await run_->read(into);
  if (!got) {
    co_await run_->stop_input();
    if (run_->stopped() == ETIMEDOUT) co_return fail("the program took longer than its time limit");
    co_return got;
  }
  if (*got == 0) co_return co_await end();
  count(*got);
  co_return got;
}

void ResponseStream::count(size_t bytes) {
  given_ += bytes;
  if (length_ && given_ >= *length_) settle();
}

loop::Task<base::Result<size_t>> ResponseStream::end() {
  co_await run_->stop_input();
  if (length_ && given_ < *length_) co_return fail("the program sent less than its Content-Length");
  if (!length_) co_await run_->wait_ended(kEndGrace);
  const apps::Ending& ending = run_->journey().ending;
  if (!length_ && ending.kind == apps::Ending::Kind::kSignaled)
    co_return fail("the program was killed before its end");
  settle();
  co_return size_t{0};
}

std::unexpected<base::Error> ResponseStream::fail(std::string_view trouble) {
  exchange_.trouble = trouble;
  run_->set_trouble(trouble);
  return base::failure(EIO, trouble.data());
}

}  // namespace remuda::gateway
