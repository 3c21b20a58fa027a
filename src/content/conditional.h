// SPDX-License-Identifier: Apache-2.0
//
// Preconditions (RFC 9110 section 13): what If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since
// and If-Range say about a representation, in the order of section 13.2.2. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace remuda::content {

struct Validators {
  std::string_view tag;       // a strong entity tag with its quotes
  int64_t last_modified = 0;  // seconds since 1970
};

enum class Precondition : uint8_t { kHolds, kNotModified, kFailed };  // go on; 304; 412

// For GET and HEAD. A date that cannot be read, or one said twice, counts as not said.
// `now`: seconds since 1970, of the wall clock.
Precondition evaluate_preconditions(const http::Fields& request, const Validators& current, int64_t now);

// Whether a Range field is to be looked at: no If-Range, or one that names exactly this representation. A
// date is strong enough if it lies at least a second before `now` (section 8.8.2.2).
bool range_applies(const http::Fields& request, const Validators& current, int64_t now);

}  // namespace remuda::content
