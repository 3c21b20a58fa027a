// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/passed_fields.h"

#include <algorithm>

#include "base/ascii.h"

namespace remuda::gateway::wire {

namespace {

using http::Field;
using http::KnownName;

bool is_never_passed(KnownName name) {
  switch (name) {
    case KnownName::kConnection:
    case KnownName::kKeepAlive:
    case KnownName::kProxyConnection:
    case KnownName::kProxyAuthorization:
    case KnownName::kTE:
    case KnownName::kTrailer:
    case KnownName::kTransferEncoding:
    case KnownName::kUpgrade:
    case KnownName::kExpect:
    case KnownName::kContentLength:
    case KnownName::kProxy:  // httpoxy
      return true;
    default: return false;
  }
}

// Whether a Connection field may take this field away (RFC 9110 section 7.6.1). Not those that decide who
// asks for what.
bool may_be_named_by_connection(const Field& field) {
  switch (field.known) {
    case KnownName::kHost:
    case KnownName::kAuthorization:
    case KnownName::kForwarded:
    case KnownName::kXForwardedFor:
    case KnownName::kXForwardedHost:
    case KnownName::kXForwardedProto:
    case KnownName::kCookie: return false;
    default: return !base::equal_ignoring_case(field.name.substr(0, 8), "content-");
  }
}

bool has_plain_name(std::string_view name) {
  return std::ranges::all_of(name,
                             [](char c) { return base::is_letter(c) || base::is_digit(c) || c == '-'; });
}

}  // namespace

bool is_passed(const http::Fields& fields, const Field& field) {
  if (is_never_passed(field.known)) return false;
  if (field.known == KnownName::kOther && !has_plain_name(field.name)) return false;
  if (!fields.has(KnownName::kConnection)) return true;
  return !may_be_named_by_connection(field) || !fields.list_has(KnownName::kConnection, field.name);
}

bool is_overruled(std::string_view variables, const Field& field) {
  constexpr std::string_view kPrefix = "HTTP_";
  const auto maps_to = [](char c, char mapped) { return (c == '-' ? '_' : base::to_upper(c)) == mapped; };
  for (size_t at = 0; at < variables.size(); at = variables.find('\0', at) + 1) {
    std::string_view name = variables.substr(at, variables.find('=', at) - at);
    if (!name.starts_with(kPrefix)) continue;
    name.remove_prefix(kPrefix.size());
    if (std::ranges::equal(field.name, name, maps_to)) return true;
  }
  return false;
}

}  // namespace remuda::gateway::wire
