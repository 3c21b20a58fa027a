// SPDX-License-Identifier: Apache-2.0
//
// Accept-Encoding (RFC 9110 section 12.5.3): which of the content codings at hand the client wants. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace remuda::content {

enum class Coding : uint8_t { kIdentity, kBrotli, kZstandard, kGzip };
constexpr size_t kCodings = 4;

std::string_view token_of(Coding coding);   // "br"; "" for kIdentity
std::string_view suffix_of(Coding coding);  // ".br"; "" for kIdentity

// What the client gives each coding, in thousandths; 0: not acceptable.
struct CodingWeights {
  std::array<uint16_t, kCodings> weight{1000, 0, 0, 0};
  uint16_t of(Coding coding) const { return weight[static_cast<size_t>(coding)]; }
};

// Without the field, or with one that cannot be read, only identity is acceptable.
CodingWeights read_accept_encoding(const http::Fields& fields);

}  // namespace remuda::content
