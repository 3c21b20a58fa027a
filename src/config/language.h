// SPDX-License-Identifier: Apache-2.0
//
// The languages whose applications a loader runs: what the loader is, what interprets it, where it finds what
// to call. Constant data; one row for each such type.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace remuda::config {

struct Language {
  AppType type = AppType::kWsgi;
  std::string_view interface;     // "WSGI"
  std::string_view loader;        // below the loaders' directory
  std::string_view interpreter;   // the usual one
  std::string_view entry_points;  // what is looked for: "manage.py, wsgi.py or app.py"
  std::string_view entry_point;   // what may be said instead: "MODULE:CALLABLE\" or \"FILE"
};

// The program of an application of type php that names none: Remuda's own PHP.
std::string php_program(const Config& config);

// Of App::is_loaded() types, and of http for scripts of Node.js.
const Language& language_of(AppType type);

}  // namespace remuda::config
