// SPDX-License-Identifier: Apache-2.0
//
// What a person asks about: a URL, or its path alone, taken apart by the code that the server uses. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/config.h"

namespace remuda::cli {

struct AskedUrl {
  std::string host;    // of a path alone: that of the first listener
  std::string path;    // decoded, as routes are matched
  std::string target;  // as it stands in a request: path and query
  bool encoded_slash = false;
};

// The parts of a URL that routing looks at; an error is a sentence.
std::expected<AskedUrl, std::string> parse_asked_url(std::string_view url, const config::Config& config);

}  // namespace remuda::cli
