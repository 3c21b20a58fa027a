// SPDX-License-Identifier: Apache-2.0
//
// Question: which application is meant, and what it is asked. By a URL, as `remuda explain` routes it, or by
// the application's name. Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

#include "config/config.h"

namespace remuda::cli::advise {

struct Question {
  size_t app = 0;      // into Config::apps
  std::string host;    // of the request
  std::string target;  // path and query, as they are sent
};

// `path`: what an application that is named gets; empty: the path of its first route. The error is a
// sentence.
std::expected<Question, std::string> find_question(const config::Config& config, const std::string& asked,
                                                   const std::string& path);

}  // namespace remuda::cli::advise
