// SPDX-License-Identifier: Apache-2.0
//
// Weights of content negotiation (RFC 9110 section 12.4.2): ";q=0.5" as 500. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace remuda::content {

constexpr uint16_t kFullWeight = 1000;

// The weight that a member of a list says among its parameters; full if it says none, or one that cannot be
// read.
uint16_t weight_of(std::string_view member);

}  // namespace remuda::content
