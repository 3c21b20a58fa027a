// SPDX-License-Identifier: Apache-2.0
//
// One step for each part of a field line. The steps keep position_ at the first octet that they have not
// taken, so that any of them can be entered again when more has arrived.
#include "http/h1/field_section.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/h1/scan.h"

namespace remuda::http::h1 {

namespace {

// Most values need nothing done: both ends are above the space.
std::string_view trim(std::string_view value) {
  if (!value.empty() && value.front() > ' ' && value.back() > ' ') [[likely]]
    return value;
  return base::trim_whitespace(value);
}

}  // namespace

const char* name_of_fault(char octet) {
  if (octet == '\n') return "a line ends in LF without CR";
  if (octet == '\r') return "CR without LF";
  if (octet == '\0') return "NUL in the head";
  return "a control character in the head";
}

bool FieldSection::refuse(int status, const char* why) {
  refusal_ = {status, why};
  return false;
}

void FieldSection::restart() {
  fields_.clear();
  position_ = line_ = colon_ = nullptr;
  state_ = State::kLineStart;
  complete_ = false;
  refusal_ = {};
}

Outcome FieldSection::parse(const char* begin, const char* end, const FieldLimits& limits) {
  if (position_ == nullptr) position_ = begin;
  const char* const bound = std::min<size_t>(end - begin, limits.total) + begin;
  bool more = !complete_ && !refusal_;
  while (more) {
    switch (state_) {
      case State::kLineStart:
        read_whole_lines(bound, limits);
        more = !complete_ && start_line(bound);
        break;
      case State::kName: more = read_name(bound, limits); break;
      case State::kValue: more = read_value(bound, limits); break;
      case State::kLineEnd: more = read_line_feed(bound, State::kLineStart); break;
      case State::kSectionEnd:
        complete_ = read_line_feed(bound, State::kSectionEnd);
        more = false;
        break;
    }
  }
  if (complete_) return Outcome::kComplete;
  if (!refusal_ && bound != end) refuse(431, "the fields together are too long");
  return refusal_ ? Outcome::kRefused : Outcome::kIncomplete;
}

// The lines that are all there and as they should be, which nearly all are. Leaves position_ at the start of
// the first line that is not, or that ends the section, for the steps below to judge.
void FieldSection::read_whole_lines(const char* bound, const FieldLimits& limits) {
#ifdef __SSE2__
  const char* line = position_;
  for (size_t left = std::min(limits.count, Fields::kMost) - fields_.size(); left != 0; --left) {
    const char* const colon = scan_colon(line, bound);
    if (colon == nullptr || colon == line) break;
    const std::string_view name(line, colon);
    const KnownName known = find_known_name_in_block(name);
    if (known == KnownName::kOther && !is_name_in_block(line, name.size())) break;  // a known name is a token
    const char* const begin = colon + 1 + (colon[1] == ' ' ? 1 : 0);
    const char* const end = scan_value(begin, bound);
    if (bound - end < 2 || end[0] != '\r' || end[1] != '\n') break;
    if (static_cast<size_t>(end - line) > limits.line) break;
    fields_.add(known, name, trim({begin, end}));
    line = end + 2;
  }
  complete_ = bound - line >= 2 && line[0] == '\r' && line[1] == '\n';
  position_ = complete_ ? line + 2 : line;
#endif
}

bool FieldSection::start_line(const char* bound) {
  if (position_ == bound) return false;
  if (*position_ == '\r') {
    ++position_;
    state_ = State::kSectionEnd;
    return true;
  }
  line_ = position_;
  state_ = State::kName;
  return true;
}

bool FieldSection::read_name(const char* bound, const FieldLimits& limits) {
  const char* const line_bound = std::min<size_t>(bound - line_, limits.line) + line_;
  position_ = scan_name(position_, line_bound);
  if (position_ == bound) return false;
  if (position_ == line_bound) return refuse(431, "a field is too long");
  if (*position_ != ':' || position_ == line_) [[unlikely]]
    return refuse_name_end(*position_);
  if (fields_.size() >= std::min(limits.count, Fields::kMost)) [[unlikely]]
    return refuse(431, "too many fields");
  colon_ = position_;
  known_ = find_known_name({line_, colon_});
  ++position_;
  state_ = State::kValue;
  return true;
}

bool FieldSection::refuse_name_end(char octet) {
  const bool at_start = position_ == line_;
  if (octet == ':') return refuse(400, "a field has no name");
  if (octet == ' ' || octet == '\t') {
    if (!at_start) return refuse(400, "space between a field's name and its colon");
    if (fields_.size() == 0) return refuse(400, "space before the first field");
    return refuse(400, "a field is folded over two lines");
  }
  if (octet == '\r') return refuse(400, "a field has no colon");
  if (base::is_control(octet)) return refuse(400, name_of_fault(octet));
  return refuse(400, "a field's name is not a token");
}

bool FieldSection::read_value(const char* bound, const FieldLimits& limits) {
  const char* const line_bound = std::min<size_t>(bound - line_, limits.line) + line_;
  if (position_ < line_bound) position_ = scan_value(position_, line_bound);
  if (position_ == bound) return false;
  if (*position_ == '\r') [[likely]] {
    add_field();
    ++position_;
    state_ = State::kLineEnd;
    return true;
  }
  if (position_ >= line_bound) return refuse(431, "a field is too long");
  return refuse(400, name_of_fault(*position_));
}

void FieldSection::add_field() { fields_.add(known_, {line_, colon_}, trim({colon_ + 1, position_})); }

bool FieldSection::read_line_feed(const char* bound, State next) {
  if (position_ == bound) return false;
  if (*position_ != '\n') [[unlikely]]
    return refuse(400, name_of_fault('\r'));
  ++position_;
  state_ = next;
  return true;
}

}  // namespace remuda::http::h1
