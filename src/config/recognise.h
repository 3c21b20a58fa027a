// SPDX-License-Identifier: Apache-2.0
//
// What a directory holds, by the files that are in it: an application that a loader runs (language.h), or
// none. The loaders look again when they load, in the same order; here it is only said beforehand, and asked
// by `remuda serve DIR`. Asks the machine, changes nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/machine.h"

namespace remuda::config {

struct Recognised {
  AppType type = AppType::kWsgi;
  std::string what;                   // "a Django project (manage.py)"
  bool has_front_controller = false;  // its index answers every path that is no file
};

// Whether a loader of that type would find its application in the directory, and where.
std::optional<Recognised> find_entry_point(AppType type, const std::string& root, const Machine& machine,
                                           const std::optional<Identity>& as);

// The application that the directory is, if it is one: stricter, because nobody has said that it is. A file
// that could be anything (app.py) has to define what a server would call.
std::optional<Recognised> recognise(const std::string& directory, const Machine& machine);

// The interpreter of an application that says none.
std::string usual_interpreter(AppType type, const std::string& root, const Machine& machine,
                              const std::optional<Identity>& as);

}  // namespace remuda::config
