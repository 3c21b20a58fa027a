// SPDX-License-Identifier: Apache-2.0
//
// Pulling the request's content. Slowness is bounded twice: by the time without a byte, and by a minimum
// rate.
#include "http/h1/request_body.h"

#include <algorithm>
#include <cstring>

#include "http/h1/rate.h"

namespace remuda::http::h1 {

namespace {
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr size_t kLargeChunk = 2 * 1024;  // what is left of it goes straight into the reader's buffer
}  // namespace

RequestBody::RequestBody(Driver& driver, Input& input, Output& output, const Framing& framing,
                         const uint64_t& limit, base::Arena& arena)
    : driver_(driver),
      input_(input),
      output_(output),
      limit_(limit),
      awaits_invitation_(framing.expects_continue) {
  if (framing.kind == Framing::Kind::kChunked) {
    trailers_ = new (arena.allocate(sizeof(Fields), alignof(Fields))) Fields(arena);
    chunked_.emplace(*trailers_, driver.options().head);
  } else {
    remaining_ = framing.length;
    ended_ = remaining_ == 0;
  }
}

std::unexpected<base::Error> RequestBody::fail(int code, const char* what) {
  failure_ = {code, what};
  return std::unexpected(failure_);
}

// Time in which nobody wanted to read is not held against the client.
loop::Time RequestBody::deadline() const {
  const Options& options = driver_.options();
  loop::Duration patience = options.body_time;
  if (options.body_rate != 0)
    patience = std::min(patience, options.rate_grace + time_earned(received_, options.body_rate) - waited_);
  return driver_.loop().now() + patience;
}

size_t RequestBody::ready() const {
  if (chunked_ || failure_.code != 0) return 0;
  return std::min<uint64_t>(remaining_, input_.unread().size());
}

std::optional<uint64_t> RequestBody::remaining() const {
  if (chunked_ && !ended_) return std::nullopt;
  return remaining_;
}

const Fields* RequestBody::trailers() const {
  return ended_ && trailers_ != nullptr && trailers_->size() != 0 ? trailers_ : nullptr;
}

bool RequestBody::can_be_drained() const {
  if (ended_) return true;
  if (failure_.code != 0 || awaits_invitation_) return false;
  return chunked_ || remaining_ <= driver_.options().drain_bytes;
}

loop::Task<base::Result<size_t>> RequestBody::read(std::span<std::byte> into) {
  if (failure_.code != 0) co_return std::unexpected(failure_);
  if (ended_) co_return 0;
  if (!chunked_ && received_ + remaining_ > limit_)
    co_return fail(EMSGSIZE, "the body is larger than allowed");
  if (awaits_invitation_) {
    const auto invited = co_await invite();
    if (!invited) co_return fail(invited.error().code, "the client left before it sent the body");
  }
  const auto got = chunked_ ? co_await read_chunked(into) : co_await read_sized(into);
  if (got) {
    received_ += *got;
    if (received_ > limit_) co_return fail(EMSGSIZE, "the body is larger than allowed");
  }
  co_return got;
}

// Sends "100 Continue" unless the client did not wait for it (RFC 9110 section 10.1.1).
loop::Task<base::Result<void>> RequestBody::invite() {
  awaits_invitation_ = false;
  if (!input_.empty()) co_return base::Result<void>();
  co_return co_await output_.send_interim(kContinue);
}

loop::Task<base::Result<size_t>> RequestBody::receive(std::span<std::byte> into) {
  if (since_yield_ >= kFairShare) {
    since_yield_ = 0;
    co_await driver_.loop().yield();
  }
  const loop::Time before = driver_.loop().now();
  const auto got = co_await driver_.loop().receive(output_.socket(), into, deadline());
  waited_ += driver_.loop().now() - before;
  if (!got) {
    const bool slow = got.error().code == ETIMEDOUT;
    co_return fail(got.error().code,
                   slow ? "the client sent the body too slowly" : "the client left within the body");
  }
  if (*got == 0) co_return fail(ECONNRESET, "the client left within the body");
  since_yield_ += *got;
  co_return got;
}

loop::Task<base::Result<size_t>> RequestBody::fill_input() {
  input_.make_room();
  const auto got = co_await receive(input_.room());
  if (got) input_.received(*got);
  co_return got;
}

loop::Task<base::Result<size_t>> RequestBody::read_sized(std::span<std::byte> into) {
  into = into.first(std::min<uint64_t>(into.size(), remaining_));
  size_t count = std::min(into.size(), input_.unread().size());
  if (count > 0) {
    std::memcpy(into.data(), input_.unread().data(), count);
    input_.use(count);
  } else {
    const auto got = co_await receive(into);
    if (!got) co_return got;
    count = *got;
  }
  remaining_ -= count;
  ended_ = remaining_ == 0;
  co_return count;
}

loop::Task<base::Result<size_t>> RequestBody::read_chunked(std::span<std::byte> into) {
  while (true) {
    while (!input_.empty()) {
      const auto piece = chunked_->feed(input_.unread().substr(0, into.size()));
      if (piece.outcome == ChunkedDecoder::Outcome::kRefused)
        co_return fail(chunked_->status() == 413 ? EMSGSIZE : EPROTO, chunked_->why());
      if (!piece.data.empty()) std::memcpy(into.data(), piece.data.data(), piece.data.size());
      input_.use(piece.used);
      ended_ = piece.outcome == ChunkedDecoder::Outcome::kEnd;
      if (ended_ || !piece.data.empty()) co_return piece.data.size();
    }
    if (chunked_->data_remaining() >= kLargeChunk) {
      const auto got =
          co_await receive(into.first(std::min<uint64_t>(into.size(), chunked_->data_remaining())));
      if (got) chunked_->took(*got);
      co_return got;
    }
    const auto filled = co_await fill_input();
    if (!filled) co_return filled;
  }
}

}  // namespace remuda::http::h1
