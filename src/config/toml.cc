// SPDX-License-Identifier: Apache-2.0
//
// TOML text to Node, with toml++: the only file that includes it, because it is slow to compile.
#include <algorithm>
#include <tuple>

#include "config/tree.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace remuda::config {
namespace {

Origin origin_of(const toml::source_position& position, const std::string& file) {
  return {Origin::Kind::kFile, file, position.line, position.column};
}

Node convert(const toml::node& from, const std::string& file) {
  Node node;
  node.at = origin_of(from.source().begin, file);
  node.key_at = node.at;
  if (const auto* table = from.as_table()) {
    for (const auto& [key, value] : *table) {
      Node& child = node.children.emplace_back(convert(value, file));
      child.key = key.str();
      child.key_at = origin_of(key.source().begin, file);
    }
    std::ranges::sort(node.children, {},
                      [](const Node& child) { return std::tuple(child.key_at.line, child.key_at.column); });
  } else if (const auto* list = from.as_array()) {
    node.kind = Node::Kind::kList;
    for (const auto& value : *list) node.children.push_back(convert(value, file));
  } else if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::kString;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::kInteger;
    node.integer = integer->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::kBoolean;
    node.boolean = boolean->get();
  } else {
    node.kind = from.is_floating_point() ? Node::Kind::kFloat : Node::Kind::kDate;
  }
  return node;
}

// The library says "Error while parsing value: could not determine value type"; what matters stands after the
// colon.
std::string_view plain(std::string_view description) {
  constexpr std::string_view kLead = "Error while parsing ";
  const size_t colon = description.find(": ");
  const bool has_lead = description.starts_with(kLead) && colon != std::string_view::npos;
  return has_lead ? description.substr(kLead.size()) : description;
}

std::string_view line_at(std::string_view text, uint32_t number) {
  for (uint32_t i = 1; i < number; ++i) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  return text.substr(0, text.find('\n'));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// The usual mistake is a value without its quotes: level = info, idle = 30s.
std::string hint_for(std::string_view description, std::string_view line) {
  if (description.contains("redefine")) return "each name stands once";
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view key = trimmed(line.substr(0, equals));
  const std::string_view value = trimmed(line.substr(equals + 1, line.find('#', equals) - equals - 1));
  if (value.empty() || value.find_first_of("\"'[]{},") != std::string_view::npos) return {};
  return "put the value in quotes: " + std::string(key) + " = \"" + std::string(value) + "\"";
}

}  // namespace

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kTable: return "a table";
    case Node::Kind::kList: return "a list";
    case Node::Kind::kString: return "a string";
    case Node::Kind::kInteger: return "an integer";
    case Node::Kind::kBoolean: return "true or false";
    case Node::Kind::kFloat: return "a fraction";
    case Node::Kind::kDate: return "a date or time";
  }
  return {};
}

std::expected<Node, Diagnostic> parse_toml(std::string_view text, const std::string& file) {
  const toml::parse_result result = toml::parse(text, std::string_view(file));
  if (result) return convert(result.table(), file);
  const toml::parse_error& error = result.error();
  const std::string_view description = error.description();
  return std::unexpected(Diagnostic{Diagnostic::Severity::kError, origin_of(error.source().begin, file),
                                    "not TOML: " + std::string(plain(description)),
                                    hint_for(description, line_at(text, error.source().begin.line))});
}

}  // namespace remuda::config
