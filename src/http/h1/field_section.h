// SPDX-License-Identifier: Apache-2.0
//
// FieldSection: reads field lines up to the empty line, for heads and for trailers (RFC 9112 section 5).
//
//     line start --token--> name --":"--> value --CR--> LF expected --LF--> line start
//          `--CR--> LF of the empty line expected --LF--> complete
//
// Resumable at every octet and strict: an octet that does not belong is refused when it is seen. Bare CR,
// bare LF, NUL and other controls (a tab inside a value is none), obs-fold, space before a line or before the
// colon, empty names: 400. Over a limit: 431. Sans-I/O; names and values are views into what it was given.
#pragma once

#include <cstddef>
#include <cstdint>

#include "http/fields.h"
#include "http/h1/head_limits.h"
#include "http/h1/refusal.h"

namespace remuda::http::h1 {

enum class Outcome : uint8_t { kIncomplete, kComplete, kRefused };

class FieldSection {
 public:
  explicit FieldSection(Fields& fields) : fields_(fields) {}

  // `begin` is the first octet of the section, the same at every call; `end` has moved on. Octets before the
  // last call's end are not looked at again.
  Outcome parse(const char* begin, const char* end, const FieldLimits& limits);

  // After kComplete: one beyond the empty line.
  const char* end_of_section() const { return position_; }
  const Refusal& refusal() const { return refusal_; }

  void restart();

 private:
  enum class State : uint8_t { kStart, kName, kValue, kLineEnd, kSectionEnd };

  Outcome refuse(int status, const char* why);
  Outcome refuse_octet(char octet);
  Outcome refuse_name_end(char octet);
  void add_field();

  Fields& fields_;
  const char* position_ = nullptr;  // the next octet to look at
  const char* line_ = nullptr;      // where the current line begins
  const char* colon_ = nullptr;     // of the current line, from State::kValue on
  KnownName known_ = KnownName::kOther;
  State state_ = State::kStart;
  Refusal refusal_;
};

}  // namespace remuda::http::h1
