// SPDX-License-Identifier: Apache-2.0
//
// Documents made out of the option tables: the reference for people, the schema for editors, and the
// effective configuration with where each value came from.
#pragma once

#include <string>

#include "config/config.h"

namespace remuda::config {

// Markdown: a section for each table, a row for each option.
std::string reference_markdown();

// JSON Schema, draft 2020-12, of the configuration file (which editors apply to TOML).
std::string reference_json_schema();

// The whole configuration as TOML that reads back the same; behind each value stands its origin.
std::string show(const Config& config);
// The same without what nobody said: a file to begin with.
std::string show_said(const Config& config);

}  // namespace remuda::config
