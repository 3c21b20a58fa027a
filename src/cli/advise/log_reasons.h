// SPDX-License-Identifier: Apache-2.0
//
// Why requests failed, out of the error log of the server that answered them. Pure.
#pragma once

#include <string>
#include <vector>

namespace remuda::cli::advise {

// Why the first request failed, by the server's own error log: the reason that it gives, else the last that
// the application said of it; empty if the log knows nothing.
std::string reason_in(const std::string& log);
// The lines that the application said about that request.
std::vector<std::string> said_in(const std::string& log);

}  // namespace remuda::cli::advise
