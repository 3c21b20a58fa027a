// SPDX-License-Identifier: Apache-2.0
//
// The text of an Error, for logs and messages to people.
#include "base/result.h"

#include <fmt/format.h>

#include <system_error>

namespace remuda::base {

std::string to_string(const Error& error) {
  return fmt::format("{}: {}", error.what, std::generic_category().message(error.code));
}

}  // namespace remuda::base
