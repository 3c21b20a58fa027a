// SPDX-License-Identifier: Apache-2.0
//
// What a directory holds, by the files that are in it: an application that a loader runs (language.h), one of
// Node.js (recognise_node.cc), a FastCGI program (recognise_program.cc), or none. The loaders look again when
// they load, in the same order; here it is only said beforehand, and asked by `remuda serve DIR`. Asks the
// machine, changes nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/machine.h"

namespace remuda::config {

struct Recognised {
  AppType type = AppType::kWsgi;
  std::string what;                   // "a Django project (manage.py)"
  bool has_front_controller = false;  // its index answers every path that is no file
  std::string program;                // absolute; of those that no loader finds by root
  std::string interpreter;            // where it does not follow from the program's name
  std::vector<std::string> several;   // not empty: any of these programs, and nobody has said which
};

// Whether a loader of that type would find its application in the directory, and where.
std::optional<Recognised> find_entry_point(AppType type, const std::string& root, const Machine& machine,
                                           const std::optional<Identity>& as);

// The application that the directory is, if it is one: stricter, because nobody has said that it is. A file
// that could be anything (app.py) has to define what a server would call. A file is looked at as a program.
std::optional<Recognised> recognise(const std::string& path, const Machine& machine);

// The parts of recognise() that go by more than a name.
std::optional<Recognised> recognise_node(const std::string& directory, const Machine& machine);
std::optional<Recognised> recognise_program(const std::string& file, const Machine& machine);
std::optional<Recognised> recognise_programs(const std::string& directory, const Machine& machine);

// A file of the directory.
std::string beside(const std::string& directory, std::string_view name);

// The interpreter of an application that says none.
std::string usual_interpreter(AppType type, const std::string& root, const Machine& machine,
                              const std::optional<Identity>& as);

}  // namespace remuda::config
