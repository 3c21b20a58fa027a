// SPDX-License-Identifier: Apache-2.0
//
// For the tests of reading: a text read as the file r.toml in the directory /site of a machine that a test
// has made up.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/fake_machine.h"
#include "config/read.h"

namespace remuda::config {

// What a file becomes that must be without mistakes.
inline Config good(std::string_view text, const Machine& machine = FakeMachine{}) {
  auto config = read_text(text, "r.toml", "/site", machine);
  if (config) return *config;
  for (const Diagnostic& diagnostic : config.error()) ADD_FAILURE() << to_string(diagnostic);
  return {};
}

// What is wrong with a file, each as one line; "(none)" when nothing is.
inline std::vector<std::string> mistakes(std::string_view text, const Machine& machine = FakeMachine{}) {
  std::vector<std::string> texts;
  const auto config = read_text(text, "r.toml", "/site", machine);
  if (config) return {"(none)"};
  for (const Diagnostic& diagnostic : config.error()) texts.push_back(to_string(diagnostic));
  return texts;
}

// The least that a file needs to serve something.
inline constexpr std::string_view kRoute = "[[route]]\nfiles = \"public\"\n";

inline std::vector<std::string> mistakes_before_route(std::string_view text,
                                                      const Machine& machine = FakeMachine{}) {
  return mistakes(std::string(text) + "\n" + std::string(kRoute), machine);
}

}  // namespace remuda::config
