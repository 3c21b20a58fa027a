// SPDX-License-Identifier: Apache-2.0
//
// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
#include "content/weight.h"

#include <optional>

#include "base/ascii.h"

namespace remuda::content {

namespace {

std::optional<uint16_t> read_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = text[0] == '1' ? kFullWeight : 0;
  int place = 100;
  for (const char digit : text.substr(text.size() > 1 ? 2 : 1)) {
    if (!base::is_digit(digit)) return std::nullopt;
    weight += (digit - '0') * place;
    place /= 10;
  }
  if (weight > kFullWeight) return std::nullopt;
  return static_cast<uint16_t>(weight);
}

}  // namespace

uint16_t weight_of(std::string_view member) {
  for (size_t at = member.find(';'); at != std::string_view::npos; at = member.find(';', at + 1)) {
    const std::string_view rest = member.substr(at + 1);
    const std::string_view parameter = base::trim_whitespace(rest.substr(0, rest.find(';')));
    if (parameter.size() < 2 || base::to_lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    return read_weight(parameter.substr(2)).value_or(kFullWeight);
  }
  return kFullWeight;
}

}  // namespace remuda::content
