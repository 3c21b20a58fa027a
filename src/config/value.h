// SPDX-License-Identifier: Apache-2.0
//
// One value: from a node of the file into the member that its option names, with every mistake said; and back
// to text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/option.h"
#include "config/tree.h"

namespace remuda::config {

// What a value is called in a diagnostic, and where relative paths begin.
struct ValueContext {
  std::string name;  // "limits.body", "route.path"
  const std::string& base_directory;
};

// Puts the value into the record, or says what is wrong with it and leaves the record as it was.
std::optional<Diagnostic> set_value(const Option& option, void* record, const Node& node,
                                    const ValueContext& context);

// The node that a value from the command line stands for: "4" is an integer where the option wants one.
Node node_from_text(const Option& option, std::string_view text, const Origin& origin);

// The value as TOML: 30, true, "30s", ["a", "b"], { A = "b" }.
std::string value_text(const Option& option, const void* record);

// Whether a path, string, list or map is empty: there is no value to show.
bool is_unset(const Option& option, const void* record);

// File rights as octal text, "022"; nothing if it is not of three or four such digits.
std::optional<uint32_t> octal_rights(std::string_view text);

std::string toml_quoted(std::string_view text);

// "a duration such as \"30s\"": what is expected of a value, for diagnostics and the reference.
std::string_view type_expectation(Type type);

}  // namespace remuda::config
