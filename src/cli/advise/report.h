// SPDX-License-Identifier: Apache-2.0
//
// What a run of `remuda advise` has found, and its three forms: lines for a terminal, JSON for programs, and
// a page that holds everything it needs. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/advise/advice.h"
#include "cli/advise/figures.h"

namespace remuda::cli::advise {

struct Report {
  std::string app;         // its name
  std::string type;        // "cgi"
  std::string configured;  // its model in the configuration
  std::string url;         // "http://host/path"
  std::string source;      // the configuration, for people
  std::string machine;
  std::string moment;
  uint32_t at_once = 0;
  std::vector<Figures> figures;
  Advice advice;
  std::string line;  // of the configuration; empty without advice

  uint32_t all_requests() const;
};

std::string report_text(const Report& report);
std::string report_json(const Report& report);
std::string report_page(const Report& report);

// Without a model that works: what each said.
std::string failure_text(const Report& report);

}  // namespace remuda::cli::advise
