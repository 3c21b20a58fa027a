// SPDX-License-Identifier: Apache-2.0
//
// By read(2): streams raise an exception when a process of /proc ends while it is read.
#include "cli/advise/file_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"

namespace remuda::cli::advise {

std::string file_text(const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16 * 1024> piece;
  ssize_t got = 0;
  while (file && (got = ::read(file.get(), piece.data(), piece.size())) > 0)
    text.append(piece.data(), static_cast<size_t>(got));
  return text;
}

}  // namespace remuda::cli::advise
