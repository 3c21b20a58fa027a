// SPDX-License-Identifier: Apache-2.0
//
// Byte ranges (RFC 9110 section 14): which bytes of a representation a Range field asks for. Pure, bounded.
//
// Ranges that overlap or touch become one, so that no set of ranges asks for more bytes than there are. More
// than kMostRanges after that, or anything malformed: the field is ignored, as section 14.2 allows.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace remuda::content {

constexpr size_t kMostRanges = 16;

struct ByteRange {
  uint64_t first = 0;
  uint64_t length = 0;  // never 0
  uint64_t end() const { return first + length; }
};

class ByteRanges {
 public:
  enum class Kind : uint8_t { kIgnored, kUnsatisfiable, kSatisfiable };

  // `size`: bytes of the representation. An empty one has no ranges: the field is ignored.
  static ByteRanges parse(std::string_view field, uint64_t size);

  Kind kind() const { return kind_; }
  // In the order of the request; where ranges became one, at the place of the first. Only kSatisfiable.
  std::span<const ByteRange> all() const { return {ranges_.data(), count_}; }

 private:
  bool add(ByteRange range);
  bool read(std::string_view text, uint64_t size);

  Kind kind_ = Kind::kIgnored;
  size_t count_ = 0;
  std::array<ByteRange, kMostRanges> ranges_;
};

}  // namespace remuda::content
