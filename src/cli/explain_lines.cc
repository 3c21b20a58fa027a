// SPDX-License-Identifier: Apache-2.0
//
// Values as the configuration writes them.
#include "cli/explain_lines.h"

#include <fmt/format.h>

#include "config/value.h"

namespace remuda::cli {

void add_line(std::string& text, std::string_view name, std::string_view value, std::string_view from,
              size_t width) {
  text += from.empty() ? fmt::format("   {:<{}} {}\n", name, width, value)
                       : fmt::format("   {:<{}} {}  ({})\n", name, width, value, from);
}

void add_option(std::string& text, const config::Config& config, const config::Table& table, size_t index,
                const config::Option& option, size_t width) {
  const std::string record = config::record_name(table, config, index);
  const config::Origin origin = config.origin_of(fmt::format("{}.{}", record, option.name));
  const void* const values = table.record_of(config, index);
  const bool by_default = origin.kind == config::Origin::Kind::kDefault;
  if (config::is_unset(option, values) && by_default) {
    add_line(text, option.name, option.unset.empty() ? "none" : option.unset, {}, width);
    return;
  }
  const bool inherited = by_default && !option.unset.empty();
  add_line(text, option.name, config::value_text(option, values),
           inherited ? std::string(option.unset) : to_string(origin), width);
}

void add_options(std::string& text, const config::Config& config, const char* table_name, size_t index,
                 std::initializer_list<std::string_view> names) {
  const config::Table& table = config::table_named(table_name);
  for (const std::string_view name : names)
    add_option(text, config, table, index, *config::find_option(table, name));
}

}  // namespace remuda::cli
