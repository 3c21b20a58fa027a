// SPDX-License-Identifier: Apache-2.0
//
// Percent-encoding, both ways (RFC 3986 section 2.1; "+" for a space, as forms write it).
#include "admin/query.h"

#include <fmt/format.h>

#include "base/ascii.h"

namespace remuda::admin {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = base::hex_value(text[i + 1]);
    const int low = base::hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

}  // namespace

std::optional<Parameter> only_parameter(std::string_view query) {
  const size_t equals = query.find('=');
  if (equals == std::string_view::npos || query.contains('&')) return std::nullopt;
  auto name = decoded(query.substr(0, equals));
  auto value = decoded(query.substr(equals + 1));
  if (!name || !value || name->empty() || value->empty()) return std::nullopt;
  return Parameter{std::move(*name), std::move(*value)};
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kUnreserved = "-._~";
  std::string result;
  for (const char c : text) {
    if (base::is_letter(c) || base::is_digit(c) || kUnreserved.contains(c)) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

}  // namespace remuda::admin
