// SPDX-License-Identifier: Apache-2.0
//
// HeadLimits: how large the head of a request, its trailer section and its chunk extensions may be. The
// composition root fills it from the configuration; it outlives every parser that it is given to.
#pragma once

#include <cstddef>

namespace remuda::http::h1 {

struct FieldLimits {
  size_t total = 32 * 1024;  // octets of the section, line ends included
  size_t line = 16 * 1024;   // octets of one line without its end
  size_t count = 100;        // lines
};

struct HeadLimits {
  size_t request_line = 8 * 1024;  // octets without the line end; 414 beyond
  FieldLimits fields;              // 431 beyond; for heads, and for trailer sections
  size_t extensions = 4 * 1024;    // octets of all chunk extensions of one body; 413 beyond
};

}  // namespace remuda::http::h1
