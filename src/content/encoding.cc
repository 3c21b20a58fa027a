// SPDX-License-Identifier: Apache-2.0
//
// A list of codings with weights. Codings that are not known here are passed over.
#include "content/encoding.h"

#include <optional>

#include "base/ascii.h"
#include "content/weight.h"

namespace remuda::content {

namespace {

// What identity has when the field does not name it: acceptable, after everything that was named.
constexpr uint16_t kUnnamedIdentity = 1;

std::optional<Coding> coding_of(std::string_view token) {
  for (size_t i = 1; i < kCodings; ++i) {
    const auto coding = static_cast<Coding>(i);
    if (base::equal_ignoring_case(token, token_of(coding))) return coding;
  }
  if (base::equal_ignoring_case(token, "identity")) return Coding::kIdentity;
  if (base::equal_ignoring_case(token, "x-gzip")) return Coding::kGzip;
  return std::nullopt;
}

}  // namespace

std::string_view token_of(Coding coding) {
  constexpr std::array<std::string_view, kCodings> kTokens{"", "br", "zstd", "gzip"};
  return kTokens[static_cast<size_t>(coding)];
}

std::string_view suffix_of(Coding coding) {
  constexpr std::array<std::string_view, kCodings> kSuffixes{"", ".br", ".zst", ".gz"};
  return kSuffixes[static_cast<size_t>(coding)];
}

CodingWeights read_accept_encoding(const http::Fields& fields) {
  std::array<std::optional<uint16_t>, kCodings> said;
  std::optional<uint16_t> others;
  const http::Field* field = fields.first(http::KnownName::kAcceptEncoding);
  for (; field != nullptr; field = fields.next(*field)) {
    std::string_view list = field->value;
    std::string_view text;
    while (base::next_list_member(list, text)) {
      const std::string_view token = base::trim_whitespace(text.substr(0, text.find(';')));
      if (token == "*") others = weight_of(text);
      if (const auto coding = coding_of(token)) said[static_cast<size_t>(*coding)] = weight_of(text);
    }
  }
  CodingWeights weights;
  weights.weight[0] = said[0].value_or(others.value_or(kUnnamedIdentity));
  for (size_t i = 1; i < kCodings; ++i) weights.weight[i] = said[i].value_or(others.value_or(0));
  return weights;
}

}  // namespace remuda::content
