// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/http_chunks.h"

#include <algorithm>

#include "base/ascii.h"

namespace remuda::gateway::wire {

namespace {

constexpr uint8_t kMostDigits = 16;

}  // namespace

HttpChunks::Piece HttpChunks::next(std::string_view& bytes) {
  while (state_ != State::kEnd && state_ != State::kBroken && !bytes.empty()) {
    if (state_ == State::kData) {
      const std::string_view data = bytes.substr(0, left_);
      bytes.remove_prefix(data.size());
      left_ -= data.size();
      if (left_ == 0) state_ = State::kDataCr;
      return {Kind::kData, data};
    }
    take(bytes.front());
    bytes.remove_prefix(1);
  }
  if (state_ == State::kEnd) return {Kind::kEnd};
  return {.kind = state_ == State::kBroken ? Kind::kBroken : Kind::kNeedsMore, .trouble = trouble_};
}

void HttpChunks::take(char octet) {
  switch (state_) {
    case State::kSize: return take_size(octet);
    case State::kExtension: return drop(octet, State::kSizeEnd);
    case State::kSizeEnd:
      expect(octet, '\n', left_ == 0 ? State::kTrailerStart : State::kData);
      digits_ = 0;
      return;
    case State::kDataCr: return expect(octet, '\r', State::kDataLf);
    case State::kDataLf: return expect(octet, '\n', State::kSize);
    case State::kTrailerStart:
      if (octet == '\r') {
        state_ = State::kEndLf;
        return;
      }
      state_ = State::kTrailer;
      [[fallthrough]];
    case State::kTrailer: return drop(octet, State::kTrailerEnd);
    case State::kTrailerEnd: return expect(octet, '\n', State::kTrailerStart);
    case State::kEndLf: return expect(octet, '\n', State::kEnd);
    case State::kData:
    case State::kEnd:
    case State::kBroken: return;
  }
}

void HttpChunks::take_size(char octet) {
  const int value = base::hex_value(octet);
  if (value >= 0) {
    if (++digits_ > kMostDigits || left_ > static_cast<uint64_t>(INT64_MAX) / 16)
      return fail("a chunk is too large");
    left_ = left_ * 16 + static_cast<uint64_t>(value);
    return;
  }
  if (digits_ == 0) return fail("a chunk has no size");
  if (octet == '\r') {
    state_ = State::kSizeEnd;
  } else if (octet == ';') {
    state_ = State::kExtension;
  } else {
    fail("the size of a chunk is no number");
  }
}

// Until CR, which leads to `at_end`.
void HttpChunks::drop(char octet, State at_end) {
  if (++dropped_ > kMostDropped) return fail("too much beside the content of its chunks");
  if (octet == '\r') {
    state_ = at_end;
  } else if (base::is_control(octet) && octet != '\t') {
    fail("a control character beside its chunks");
  }
}

void HttpChunks::expect(char octet, char expected, State next) {
  if (octet != expected) return fail("a chunk does not end with CRLF");
  state_ = next;
}

void HttpChunks::fail(const char* trouble) {
  state_ = State::kBroken;
  trouble_ = trouble;
}

}  // namespace remuda::gateway::wire
