// SPDX-License-Identifier: Apache-2.0
//
// Numbers beyond 64 bits are as good as the largest, so nothing overflows: positions are cut to the size
// before any sum.
#include "content/ranges.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"

namespace remuda::content {

namespace {

// 1*DIGIT, saturating.
std::optional<uint64_t> read_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char digit : text) {
    if (!base::is_digit(digit)) return std::nullopt;
    const auto more = static_cast<uint64_t>(digit - '0');
    value = value > (UINT64_MAX - more) / 10 ? UINT64_MAX : value * 10 + more;
  }
  return value;
}

}  // namespace

ByteRanges ByteRanges::parse(std::string_view field, uint64_t size) {
  ByteRanges ranges;
  const size_t equals = field.find('=');
  if (size == 0 || equals == std::string_view::npos) return ranges;
  if (!base::equal_ignoring_case(base::trim_whitespace(field.substr(0, equals)), "bytes")) return ranges;
  std::string_view list = field.substr(equals + 1);
  std::string_view text;
  bool any = false;
  while (base::next_list_member(list, text)) {
    if (text.empty()) continue;
    if (!ranges.read(text, size)) return {};
    any = true;
  }
  if (any) ranges.kind_ = ranges.count_ == 0 ? Kind::kUnsatisfiable : Kind::kSatisfiable;
  return ranges;
}

// One member of the set. False: malformed, or too many.
bool ByteRanges::read(std::string_view text, uint64_t size) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const auto last = read_number(text.substr(dash + 1));
  if (dash == 0) {
    if (!last) return false;
    const uint64_t length = std::min(*last, size);
    return length == 0 || add({size - length, length});
  }
  const auto first = read_number(text.substr(0, dash));
  if (!first || (!last && dash + 1 != text.size())) return false;
  if (last && *last < *first) return false;
  if (*first >= size) return true;
  const uint64_t end = last && *last < size - 1 ? *last + 1 : size;
  return add({*first, end - *first});
}

// Takes in a range and everything that it overlaps or touches. False: no room.
bool ByteRanges::add(ByteRange range) {
  size_t place = count_;
  for (size_t i = 0; i < count_;) {
    const ByteRange& other = ranges_[i];
    if (other.first > range.end() || range.first > other.end()) {
      ++i;
      continue;
    }
    const uint64_t first = std::min(range.first, other.first);
    range = {first, std::max(range.end(), other.end()) - first};
    place = std::min(place, i);
    std::move(ranges_.begin() + i + 1, ranges_.begin() + count_, ranges_.begin() + i);
    --count_;
    i = 0;  // what has grown may touch others now
  }
  if (count_ == kMostRanges) return false;
  place = std::min(place, count_);
  std::move_backward(ranges_.begin() + place, ranges_.begin() + count_, ranges_.begin() + count_ + 1);
  ranges_[place] = range;
  ++count_;
  return true;
}

}  // namespace remuda::content
