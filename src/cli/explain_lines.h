// SPDX-License-Identifier: Apache-2.0
//
// The lines that `remuda explain` is made of: a name, a value, and where it was said. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/option.h"

namespace remuda::cli {

// What names are filled up to; the names of an application's options are longer.
inline constexpr size_t kNameWidth = 22;
inline constexpr size_t kOptionWidth = 24;

// "   name      value  (from)"
void add_line(std::string& text, std::string_view name, std::string_view value, std::string_view from = {},
              size_t width = kNameWidth);

// One option of a record that is there `index` times, with its origin.
void add_option(std::string& text, const config::Config& config, const config::Table& table, size_t index,
                const config::Option& option, size_t width = kNameWidth);

// Several, by their names.
void add_options(std::string& text, const config::Config& config, const char* table_name, size_t index,
                 std::initializer_list<std::string_view> names);

}  // namespace remuda::cli
