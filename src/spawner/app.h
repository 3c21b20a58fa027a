// SPDX-License-Identifier: Apache-2.0
//
// App: one line of the table of what may be run, ready for use: its root opened, its arguments and
// environment as execve(2) wants them. Says whether a request may have what it asks for.
//
// Spawner's process only. Neither copied nor moved: what it gives out points into its rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spawner/confinement/confinement.h"
#include "spawner/program.h"
#include "spawner/protocol.h"
#include "spawner/spawner.h"

namespace remuda::spawner {

class App {
 public:
  App(const AppRules& rules, uint32_t number);
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  const AppRules& rules() const { return rules_; }
  const TemplateRules& templates() const { return rules_.template_rules; }
  uint32_t number() const { return number_; }
  Confinement& confinement() { return confinement_; }

  // What is to be run: `program`, into the packet or the rules; else why not.
  Refusal find_program(const Spawn& spawn, int64_t now, const char*& program);

  // With its null pointer at the end: the rules' variables and those of the request, which win. Pointers into
  // the packet and the rules; nothing is copied. False: one that no request may set.
  bool gather_environment(Input input, std::string_view brought, std::vector<char*>& environment) const;

  // What is filled in where the arguments have a place for it: where an instance is to listen, as it was
  // brought; empty: nothing. Until the next call.
  void fill_in(std::string_view brought) { brought_ = brought; }
  // Of the program: its own name, and what the rules have. Until the next call.
  char* const* arguments_of(const char* program);
  // Until the next call.
  const char* directory_of(const char* program);

 private:
  AppRules rules_;
  uint32_t number_;
  Root root_;
  Confinement confinement_;
  std::vector<char*> arguments_;
  std::vector<char*> environment_;
  std::vector<std::string_view> shared_;  // those of the rules that a request may set as well
  std::string brought_;
  std::vector<std::string> filled_;
  std::vector<char*> filled_arguments_;
  std::string directory_;
};

}  // namespace remuda::spawner
