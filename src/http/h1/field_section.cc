// SPDX-License-Identifier: Apache-2.0
//
// One step for each part of a field line. The steps keep position_ at the first octet that they have not
// taken, so that any of them can be entered again when more has arrived.
#include "http/h1/field_section.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/h1/scan.h"

namespace remuda::http::h1 {

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
      case State::kLineStart: more = start_line(bound); break;
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

void FieldSection::add_field() {
  const char* begin = colon_ + 1;
  const char* end = position_;
  while (begin != end && (*begin == ' ' || *begin == '\t')) ++begin;
  while (begin != end && (end[-1] == ' ' || end[-1] == '\t')) --end;
  fields_.add(known_, {line_, colon_}, {begin, end});
}

bool FieldSection::read_line_feed(const char* bound, State next) {
  if (position_ == bound) return false;
  if (*position_ != '\n') [[unlikely]]
    return refuse(400, name_of_fault('\r'));
  ++position_;
  state_ = next;
  return true;
}

}  // namespace remuda::http::h1
