// SPDX-License-Identifier: Apache-2.0
//
// `remuda config show`: the effective configuration, as TOML with origins in comments.
#include <fmt/format.h>

#include <algorithm>

#include "config/option.h"
#include "config/reference.h"
#include "config/value.h"

namespace remuda::config {
namespace {

struct Line {
  std::string text;
  std::string comment;
};

void write_lines(std::string& out, const std::vector<Line>& lines) {
  constexpr size_t kWidest = 60;  // a longer value does not push all comments to the right
  size_t width = 0;
  for (const Line& line : lines) {
    if (line.text.size() <= kWidest) width = std::max(width, line.text.size());
  }
  for (const Line& line : lines) out += fmt::format("{:<{}}  # {}\n", line.text, width, line.comment);
}

// Options that mean nothing here would be noise, and mistakes or warnings if they were read back.
bool belongs(const Config& config, const Table& table, size_t index, const std::string& name,
             const Option& option) {
  if (table.name == "app") return config::applies(option, config.apps[index]);
  return option.only_with.empty() || config.origins.contains(fmt::format("{}.{}", name, option.only_with));
}

bool is_action_not_taken(const Table& table, const Option& option, const Origin& origin) {
  return table.name == "route" && option.name == "respond" && origin.kind == Origin::Kind::kDefault;
}

enum class Shown : uint8_t { kEverything, kSaid };

bool is_said(const Config& config, const Table& table, const std::string& name) {
  return std::ranges::any_of(table.options, [&](const Option& option) {
    return config.origins.contains(fmt::format("{}.{}", name, option.name));
  });
}

void write_record(std::string& out, const Config& config, const Table& table, size_t index, Shown shown) {
  const std::string name = record_name(table, config, index);
  const void* record = table.record_of(config, index);
  if (shown == Shown::kSaid && !is_said(config, table, name)) return;
  out += table.shape == Table::Shape::kRepeated ? fmt::format("\n[[{}]]\n", table.name)
                                                : fmt::format("\n[{}]\n", name);
  std::vector<Line> lines;
  for (const Option& option : table.options) {
    const Origin origin = config.origin_of(fmt::format("{}.{}", name, option.name));
    if (!belongs(config, table, index, name, option) || is_action_not_taken(table, option, origin)) continue;
    if (shown == Shown::kSaid && origin.kind == Origin::Kind::kDefault) continue;
    if (is_unset(option, record) && origin.kind == Origin::Kind::kDefault) {
      // An action that is not taken, or the other way to name a program, is no value.
      if (option.unset != "another action is given" && !option.unset.ends_with("is given instead")) {
        lines.push_back(
            {fmt::format("# {}", option.name), option.unset.empty() ? "none" : std::string(option.unset)});
      }
      continue;
    }
    const bool inherited = origin.kind == Origin::Kind::kDefault && !option.unset.empty();
    lines.push_back({fmt::format("{} = {}", option.name, value_text(option, record)),
                     inherited ? std::string(option.unset) : to_string(origin)});
  }
  write_lines(out, lines);
}

}  // namespace

std::string show(const Config& config) {
  std::string out = fmt::format("# The effective configuration{}{}. Behind each value: where it was said.\n",
                                config.file.empty() ? "" : " of ", config.file);
  for (const Table& table : tables()) {
    for (size_t i = 0; i < table.count(config); ++i) write_record(out, config, table, i, Shown::kEverything);
  }
  return out;
}

std::string show_said(const Config& config) {
  std::string out;
  if (!config.recognised.empty()) out += fmt::format("# {} is {}.\n", config.identity, config.recognised);
  for (const Table& table : tables()) {
    for (size_t i = 0; i < table.count(config); ++i) write_record(out, config, table, i, Shown::kSaid);
  }
  return out;
}

}  // namespace remuda::config
