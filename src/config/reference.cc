// SPDX-License-Identifier: Apache-2.0
//
// The reference in Markdown.
#include "config/reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/option.h"
#include "config/quantity.h"
#include "config/suggest.h"
#include "config/value.h"

namespace remuda::config {
namespace {

std::string_view type_word(const Option& option) {
  switch (option.type) {
    case Type::kBoolean: return "boolean";
    case Type::kInteger: return "integer";
    case Type::kDuration: return "duration";
    case Type::kSize: return "size";
    case Type::kString: return "string";
    case Type::kPath: return "path";
    case Type::kLogTarget: return "path or word";
    case Type::kAddress: return "address";
    case Type::kWord: return "word";
    case Type::kStringList: return "list of strings";
    case Type::kPaths: return "list of paths";
    case Type::kPeers: return "list of peers";
    case Type::kMap: return "table of strings";
  }
  return {};
}

std::string type_text(const Option& option) {
  const bool counts = option.unit.empty() || option.unit == "status";
  return counts ? std::string(type_word(option)) : fmt::format("{}, {}", type_word(option), option.unit);
}

std::string default_text(const Table& table, const Option& option) {
  if (!option.unset.empty()) return std::string(option.unset);
  if (is_unset(option, table.defaults())) return "none";
  return fmt::format("`{}`", value_text(option, table.defaults()));
}

std::string amount(const Option& option, uint64_t value) {
  if (option.type == Type::kDuration) return format_duration(Duration(value));
  if (option.type == Type::kSize) return format_size(Bytes{value});
  return fmt::format("{}", value);
}

std::string allowed_text(const Option& option) {
  if (is_switch(option)) return fmt::format("{}", fmt::join(option.words, ", "));
  if (!option.words.empty()) return quoted_list(offered_words(option));
  if (!option.allowed.empty()) return fmt::format("{}", fmt::join(option.allowed, ", "));
  const bool has_range =
      option.type == Type::kInteger || option.type == Type::kDuration || option.type == Type::kSize;
  if (!has_range) return option.example.empty() ? "" : fmt::format("such as `{}`", option.example);
  std::string range = fmt::format("{} to {}", amount(option, option.minimum), amount(option, option.maximum));
  if (!option.word.empty()) range += fmt::format(", \"{}\"", option.word);
  if (!option.zero.empty()) range += fmt::format("; 0: {}", option.zero);
  return range;
}

std::string header(const Table& table) {
  switch (table.shape) {
    case Table::Shape::kOnce: break;
    case Table::Shape::kNamed: return fmt::format("[{}.NAME]", table.name);
    case Table::Shape::kRepeated: return fmt::format("[[{}]]", table.name);
  }
  return fmt::format("[{}]", table.name);
}

std::string words_in(std::string_view option, uint16_t set) {
  const Words words = find_option(table_named("app"), option)->words;
  std::vector<std::string_view> in;
  for (size_t i = 0; i < words.size(); ++i) {
    if ((set >> i & 1U) != 0) in.push_back(words[i]);
  }
  return fmt::format("{}", fmt::join(in, ", "));
}

// Without what the option means nothing.
std::string only_text(const Option& option) {
  std::string text;
  if (!option.only_with.empty()) text += fmt::format(" Only with `{}`.", option.only_with);
  if (option.models != 0) text += fmt::format(" Model {}.", words_in("model", option.models));
  if (option.types != 0) text += fmt::format(" Type {}.", words_in("type", option.types));
  return text;
}

void write_table(std::string& out, const Table& table) {
  out += fmt::format("\n## `{}`\n\n{}\n\n", header(table), table.text);
  out += "| option | type | default | allowed | |\n|---|---|---|---|---|\n";
  for (const Option& option : table.options) {
    out += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", option.name, type_text(option),
                       default_text(table, option), allowed_text(option), option.text, only_text(option));
  }
}

}  // namespace

std::string reference_markdown() {
  std::string out =
      "# Configuration reference\n\n"
      "One TOML file. Relative paths begin at its directory. Durations are written `\"500ms\"`, `\"30s\"`, "
      "`\"1m30s\"`, "
      "`\"2h\"`, `\"1d\"`; sizes `\"500B\"`, `\"8KiB\"`, `\"1GiB\"` (powers of 1024) or a plain number of "
      "bytes; a list of "
      "one string may be written as the string.\n"
      "`remuda config reference` prints this text, `remuda config reference --json` a schema for editors.\n";
  for (const Table& table : tables()) write_table(out, table);
  return out;
}

}  // namespace remuda::config
