// SPDX-License-Identifier: Apache-2.0
//
// Queries as forms write them: "add=10.0.0.7%3A9000+weight%3D2". Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace remuda::admin {

struct Parameter {
  std::string name;
  std::string value;
};

// The only parameter of a query; nothing if there is none, more than one, one without a value, or a "%" that
// two hexadecimal digits do not follow.
std::optional<Parameter> only_parameter(std::string_view query);

// `text` as the value of a parameter, or as one segment of a path.
std::string percent_encoded(std::string_view text);

}  // namespace remuda::admin
