// SPDX-License-Identifier: Apache-2.0
//
// The parsed file before it means anything: tables, lists and scalars, each with the place where it stands.
//
// It keeps the TOML library in one file (toml.cc) and lets values from the command line take the same way as
// the file's.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace remuda::config {

struct Node {
  enum class Kind : uint8_t { kTable, kList, kString, kInteger, kBoolean, kFloat, kDate };
  Kind kind = Kind::kTable;
  std::string key;  // of a member of a table
  Origin key_at;
  Origin at;
  std::string text;            // kString
  int64_t integer = 0;         // kInteger
  bool boolean = false;        // kBoolean
  std::vector<Node> children;  // of a table in the order of the file, of a list in its order
};

// "a string", "an integer", "a table", ...
std::string_view kind_name(Node::Kind kind);

// `file` stands in the places. A file that is not TOML has one mistake: where it stops being TOML.
std::expected<Node, Diagnostic> parse_toml(std::string_view text, const std::string& file);

}  // namespace remuda::config
