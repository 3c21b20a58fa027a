// SPDX-License-Identifier: Apache-2.0
//
// `remuda version`.
#include <fmt/format.h>

#include "cli/commands.h"

namespace remuda::cli {

std::string version_line() {
  return fmt::format("remuda {} (clang {}.{}.{})", REMUDA_VERSION, __clang_major__, __clang_minor__,
                     __clang_patchlevel__);
}

int version_command(const Terminal& terminal) {
  terminal.print(version_line() + "\n");
  return kSuccess;
}

}  // namespace remuda::cli
