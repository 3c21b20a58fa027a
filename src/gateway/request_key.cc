// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/request_key.h"

#include "base/ascii.h"

namespace remuda::gateway {

std::string_view find_cookie(const http::Fields& fields, std::string_view name) {
  for (const http::Field* field = fields.first(http::KnownName::kCookie); field != nullptr;
       field = fields.next(*field)) {
    std::string_view rest = field->value;
    while (!rest.empty()) {
      const size_t semicolon = rest.find(';');
      const std::string_view pair = base::trim_whitespace(rest.substr(0, semicolon));
      const size_t equals = pair.find('=');
      if (equals == name.size() && pair.starts_with(name)) return pair.substr(equals + 1);
      rest = semicolon == std::string_view::npos ? std::string_view() : rest.substr(semicolon + 1);
    }
  }
  return {};
}

std::string_view request_key(const http::Request& request, const AppOptions& options, base::Arena& arena) {
  if (!options.sticky_cookie.empty()) {
    const std::string_view cookie = find_cookie(request.fields, options.sticky_cookie);
    if (!cookie.empty()) return cookie;
  }
  switch (options.key_by) {
    case KeyBy::kNothing: return {};
    case KeyBy::kCookie: return find_cookie(request.fields, options.key_cookie);
    case KeyBy::kPath: return request.raw_path;
    case KeyBy::kClient: {
      std::array<char, http::kAddressText> text;
      return arena.copy(request.endpoints->peer.ip(text));
    }
  }
  return {};
}

}  // namespace remuda::gateway
