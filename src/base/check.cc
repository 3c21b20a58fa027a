// SPDX-License-Identifier: Apache-2.0
//
// The end of a process whose own invariant is broken. Allocates nothing: the heap may be what is broken.
#include "base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace remuda::base {

void check_failed(const char* file, int line, const char* condition) {
  char text[512];
  const int length = std::snprintf(text, sizeof text, "%s:%d: CHECK failed: %s\n", file, line, condition);
  if (length > 0) {
    const auto bytes =
        static_cast<size_t>(length) < sizeof text ? static_cast<size_t>(length) : sizeof text - 1;
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, bytes);
  }
  std::abort();
}

}  // namespace remuda::base
