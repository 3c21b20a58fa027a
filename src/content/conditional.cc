// SPDX-License-Identifier: Apache-2.0
//
// Entity tags may hold commas, so their lists are read tag by tag; a list that is malformed matches only what
// stood before the fault.
#include "content/conditional.h"

#include <optional>

#include "base/ascii.h"
#include "base/http_date.h"

namespace remuda::content {

namespace {

using http::KnownName;

enum class Comparison : uint8_t { kStrong, kWeak };

// Takes one entity tag off `list`, with its quotes and without W/. False at the end or at a fault.
bool next_tag(std::string_view& list, std::string_view& opaque, bool& weak) {
  while (!list.empty() && (list[0] == ',' || list[0] == ' ' || list[0] == '\t')) list.remove_prefix(1);
  weak = list.starts_with("W/");
  if (weak) list.remove_prefix(2);
  if (!list.starts_with('"')) return false;
  const size_t end = list.find('"', 1);
  if (end == std::string_view::npos) return false;
  opaque = list.substr(0, end + 1);
  list.remove_prefix(end + 1);
  return list.empty() || list[0] == ',' || list[0] == ' ' || list[0] == '\t';
}

// Whether a list of tags (over all fields of that name), or "*", has `tag`.
bool list_has_tag(const http::Fields& request, KnownName name, std::string_view tag, Comparison comparison) {
  for (const http::Field* field = request.first(name); field != nullptr; field = request.next(*field)) {
    std::string_view list = base::trim_whitespace(field->value);
    if (list == "*") return true;
    std::string_view opaque;
    bool weak = false;
    while (next_tag(list, opaque, weak)) {
      if (opaque == tag && (!weak || comparison == Comparison::kWeak)) return true;
    }
  }
  return false;
}

// The date of a field that is there once and can be read.
std::optional<int64_t> date_of(const http::Fields& request, KnownName name, int64_t now) {
  if (request.count(name) != 1) return std::nullopt;
  return base::parse_http_date(request.get(name), now);
}

}  // namespace

Precondition evaluate_preconditions(const http::Fields& request, const Validators& current, int64_t now) {
  if (request.has(KnownName::kIfMatch)) {
    if (!list_has_tag(request, KnownName::kIfMatch, current.tag, Comparison::kStrong))
      return Precondition::kFailed;
  } else if (const auto date = date_of(request, KnownName::kIfUnmodifiedSince, now)) {
    if (current.last_modified > *date) return Precondition::kFailed;
  }
  if (request.has(KnownName::kIfNoneMatch)) {
    if (list_has_tag(request, KnownName::kIfNoneMatch, current.tag, Comparison::kWeak)) {
      return Precondition::kNotModified;
    }
  } else if (const auto date = date_of(request, KnownName::kIfModifiedSince, now)) {
    if (current.last_modified <= *date) return Precondition::kNotModified;
  }
  return Precondition::kHolds;
}

bool range_applies(const http::Fields& request, const Validators& current, int64_t now) {
  if (!request.has(KnownName::kIfRange)) return true;
  if (request.count(KnownName::kIfRange) != 1) return false;
  const std::string_view value = base::trim_whitespace(request.get(KnownName::kIfRange));
  if (value.starts_with('"')) return value == current.tag;
  const auto date = base::parse_http_date(value, now);
  return date && *date == current.last_modified && *date < now;
}

}  // namespace remuda::content
