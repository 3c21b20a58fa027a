// SPDX-License-Identifier: Apache-2.0
//
// The chunked coding of an answer (RFC 9112 section 7.1), from the application. Sans-I/O, incremental,
// strict: 1 to 16 hexadecimal digits, at most 2^63 - 1, CRLF and nothing else after size and data. Extensions
// and the trailer section are looked at for their line ends, bounded, and dropped
// (docs/decisions/010-trailers.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace remuda::gateway::wire {

class HttpChunks {
 public:
  enum class Kind : uint8_t { kNeedsMore, kData, kEnd, kBroken };
  struct Piece {
    Kind kind = Kind::kNeedsMore;
    std::string_view data{};   // points into the input
    const char* trouble = "";  // of kBroken: static text
  };

  // Takes what it uses off the front of `bytes`; after kEnd nothing more.
  Piece next(std::string_view& bytes);

 private:
  enum class State : uint8_t {
    kSize,
    kExtension,
    kSizeEnd,  // LF after the size line
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailer,
    kTrailerEnd,  // LF after a trailer
    kEndLf,       // LF of the empty line
    kEnd,
    kBroken,
  };

  static constexpr size_t kMostDropped = 16 * 1024;  // octets of extensions and trailers, of the whole answer

  void take(char octet);
  void take_size(char octet);
  void drop(char octet, State at_end);
  void expect(char octet, char expected, State next);
  void fail(const char* trouble);

  State state_ = State::kSize;
  uint64_t left_ = 0;  // of the size while it is read, then of the data
  uint8_t digits_ = 0;
  size_t dropped_ = 0;
  const char* trouble_ = "";
};

}  // namespace remuda::gateway::wire
