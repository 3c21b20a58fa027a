// SPDX-License-Identifier: Apache-2.0
//
// Writing to the terminal.
#include "cli/terminal.h"

namespace remuda::cli {

void Terminal::print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), results_);
  std::fflush(results_);
}

void Terminal::complain(std::string_view line) const {
  std::fwrite(line.data(), 1, line.size(), mistakes_);
  std::fputc('\n', mistakes_);
  std::fflush(mistakes_);
}

void Terminal::report(const config::Diagnostics& diagnostics) const {
  for (const config::Diagnostic& diagnostic : diagnostics) complain(config::to_string(diagnostic));
}

}  // namespace remuda::cli
