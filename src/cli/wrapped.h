// SPDX-License-Identifier: Apache-2.0
//
// Text in lines that a terminal shows whole. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace remuda::cli {

// Words with a space between them, in lines of at most `width` where a word allows it; all but the first
// begin with `indent` spaces, which count. No line end at the end.
std::string wrapped(const std::string& text, size_t width, size_t indent = 0);

}  // namespace remuda::cli
