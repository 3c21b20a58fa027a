// SPDX-License-Identifier: Apache-2.0
//
// What a file holds, a log or one of /proc. Empty if it is not there, or its process is not.
#pragma once

#include <string>

namespace remuda::cli::advise {

std::string file_text(const std::string& path);

}  // namespace remuda::cli::advise
