// SPDX-License-Identifier: Apache-2.0
//
// FieldSection: reads field lines up to the empty line, for heads and for trailers (RFC 9112 section 5).
//
//     line start --token--> name --":"--> value --CR--> line end --LF--> line start
//          `--CR--> section end --LF--> complete
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

  // Forgets everything, the fields too.
  void restart();

 private:
  enum class State : uint8_t { kLineStart, kName, kValue, kLineEnd, kSectionEnd };

  // True: go on. False: the octets have run out, or refused.
  void read_whole_lines(const char* bound, const FieldLimits& limits);
  bool start_line(const char* bound);
  bool read_name(const char* bound, const FieldLimits& limits);
  bool read_value(const char* bound, const FieldLimits& limits);
  bool read_line_feed(const char* bound, State next);
  void add_field();
  bool refuse(int status, const char* why);
  bool refuse_name_end(char octet);

  Fields& fields_;
  const char* position_ = nullptr;  // the next octet to look at
  const char* line_ = nullptr;      // where the current line begins
  const char* colon_ = nullptr;     // of the current line, from State::kValue on
  KnownName known_ = KnownName::kOther;
  State state_ = State::kLineStart;
  bool complete_ = false;
  Refusal refusal_;
};

// Why an octet that ends no element is refused: "a NUL", "a line ends in LF without CR", "a control
// character".
const char* name_of_fault(char octet);

}  // namespace remuda::http::h1
