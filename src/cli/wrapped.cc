// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/wrapped.h"

#include <sstream>

namespace remuda::cli {

std::string wrapped(const std::string& text, size_t width, size_t indent) {
  std::string result;
  size_t used = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool first = result.empty();
    const bool full = !first && used + 1 + word.size() > width;
    if (full) result += '\n' + std::string(indent, ' ');
    if (!first && !full) result += ' ';
    used = (full ? indent : used + (first ? 0 : 1)) + word.size();
    result += word;
  }
  return result;
}

}  // namespace remuda::cli
