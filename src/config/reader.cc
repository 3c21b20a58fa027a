// SPDX-License-Identifier: Apache-2.0
//
// Walks the parsed file along the option tables.
#include "config/reader.h"

#include <fmt/format.h>

#include "config/suggest.h"
#include "config/value.h"

namespace remuda::config {
namespace {

void error(Findings& findings, const Origin& where, std::string what, std::string hint) {
  findings.diagnostics.push_back({Diagnostic::Severity::kError, where, std::move(what), std::move(hint)});
}

// How the header of a table is written in the file.
std::string header_of(const Table& table) {
  switch (table.shape) {
    case Table::Shape::kOnce: break;
    case Table::Shape::kNamed: return fmt::format("[{}.NAME]", table.name);
    case Table::Shape::kRepeated: return fmt::format("[[{}]]", table.name);
  }
  return fmt::format("[{}]", table.name);
}

// Where a name belongs that stands in the wrong table.
std::string other_home(std::string_view option) {
  for (const Table& table : tables()) {
    if (find_option(table, option) != nullptr)
      return fmt::format("\"{}\" belongs in {}", option, header_of(table));
  }
  return {};
}

// `group` is empty, or "instances." for the members of that table.
std::string hint_for_option(const Table& table, std::string_view group, std::string_view name) {
  constexpr size_t kMostShown = 24;
  std::vector<std::string_view> names;
  for (const Option& option : table.options) {
    std::string_view rest = option.name;
    if (!rest.starts_with(group)) continue;
    rest = rest.substr(group.size());
    rest = rest.substr(0, rest.find('.'));
    if (names.empty() || names.back() != rest) names.push_back(rest);
  }
  const std::string_view near = nearest(name, names);
  if (!near.empty()) return fmt::format("did you mean \"{}\"?", near);
  std::string home = group.empty() ? other_home(name) : "";
  if (!home.empty()) return home;
  return names.size() > kMostShown ? "remuda config reference lists all" : "one of " + quoted_list(names);
}

std::string hint_for_table(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Table& table : tables()) names.push_back(table.name);
  if (const std::string_view near = nearest(name, names); !near.empty()) {
    return fmt::format("did you mean {}?", header_of(table_named(near)));
  }
  std::string home = other_home(name);
  return home.empty() ? "one of " + quoted_list(names) : home;
}

void read_repeated(const Table& table, const Node& node, Config& config, Findings& findings) {
  if (node.kind != Node::Kind::kList) {
    return error(findings, node.key_at, fmt::format("{}: there may be several", table.name),
                 fmt::format("write {}", header_of(table)));
  }
  for (const Node& item : node.children) {
    if (item.kind != Node::Kind::kTable) {
      error(findings, item.at, fmt::format("{}: expected a table, not {}", table.name, kind_name(item.kind)),
            fmt::format("write {}", header_of(table)));
      continue;
    }
    void* record = table.add(config, {}, item.at);
    read_record(table, item, record_name(table, config, table.count(config) - 1), record, config, findings);
  }
}

bool is_good_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  for (const char c : name) {
    if (!good(c)) return false;
  }
  return !name.empty();
}

void read_named(const Table& table, const Node& node, Config& config, Findings& findings) {
  if (node.kind != Node::Kind::kTable) {
    return error(findings, node.key_at, fmt::format("{}: a name is missing", table.name),
                 fmt::format("write {}", header_of(table)));
  }
  for (const Node& item : node.children) {
    if (item.kind != Node::Kind::kTable) {
      error(findings, item.key_at,
            fmt::format("{}.{}: expected a table, not {}", table.name, item.key, kind_name(item.kind)),
            find_option(table, item.key) ? fmt::format("the header needs a name: {}", header_of(table))
                                         : fmt::format("write {}", header_of(table)));
      continue;
    }
    if (!is_good_name(item.key)) {
      error(findings, item.key_at, fmt::format("{}: {} is not a name", table.name, toml_quoted(item.key)),
            "letters, digits, \"_\" and \"-\"");
      continue;
    }
    void* record = table.add(config, item.key, item.at);
    read_record(table, item, record_name(table, config, table.count(config) - 1), record, config, findings);
  }
}

void read_once(const Table& table, const Node& node, Config& config, Findings& findings) {
  if (node.kind != Node::Kind::kTable) {
    return error(findings, node.key_at, fmt::format("{}: expected one table", table.name),
                 fmt::format("write {}", header_of(table)));
  }
  read_record(table, node, std::string(table.name), table.record(config, 0), config, findings);
}

const Table* find_table(std::string_view name) {
  for (const Table& table : tables()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

// Where the members of a record go: its name in origins and in diagnostics, and the record.
struct RecordPlace {
  const std::string& name;
  const std::string& shown;
  void* record;
};

// Members of a record, or of a table in it: then `group` is its name with a point.
void read_members(const Table& table, const Node& node, const std::string& group, const RecordPlace& place,
                  Config& config, Findings& findings) {
  for (const Node& member : node.children) {
    const std::string option_name = group + member.key;
    const Option* option = find_option(table, option_name);
    if (option == nullptr && is_group(table, option_name)) {
      if (member.kind == Node::Kind::kTable) {
        read_members(table, member, option_name + ".", place, config, findings);
        continue;
      }
      findings.spoiled.insert(place.name);
      error(findings, member.at,
            fmt::format("{}.{}: expected a table, not {}", place.shown, option_name, kind_name(member.kind)),
            fmt::format("write {} = {{ ... }}", member.key));
      continue;
    }
    if (option == nullptr) {
      findings.spoiled.insert(place.name);
      const std::string inside = group.empty() ? "" : "." + group.substr(0, group.size() - 1);
      error(findings, member.key_at,
            fmt::format("{}{}: unknown option {}", place.shown, inside, toml_quoted(member.key)),
            hint_for_option(table, group, member.key));
      continue;
    }
    config.origins[fmt::format("{}.{}", place.name, option->name)] = member.at;
    const ValueContext context{fmt::format("{}.{}", place.shown, option->name), config.base_directory};
    if (auto mistake = set_value(*option, place.record, member, context)) {
      findings.spoiled.insert(place.name);
      findings.diagnostics.push_back(std::move(*mistake));
    }
  }
}

}  // namespace

void read_record(const Table& table, const Node& node, const std::string& name, void* record, Config& config,
                 Findings& findings) {
  const std::string shown = table.shape == Table::Shape::kRepeated ? std::string(table.name) : name;
  read_members(table, node, "", {name, shown, record}, config, findings);
}

void read_tree(const Node& root, Config& config, Findings& findings) {
  for (const Node& node : root.children) {
    const Table* table = find_table(node.key);
    if (table == nullptr) {
      const bool is_option = node.kind != Node::Kind::kTable && node.kind != Node::Kind::kList;
      error(findings, node.key_at,
            fmt::format("{} {}", is_option ? "unknown option" : "unknown table", toml_quoted(node.key)),
            hint_for_table(node.key));
      continue;
    }
    switch (table->shape) {
      case Table::Shape::kOnce: read_once(*table, node, config, findings); break;
      case Table::Shape::kNamed: read_named(*table, node, config, findings); break;
      case Table::Shape::kRepeated: read_repeated(*table, node, config, findings); break;
    }
  }
}

}  // namespace remuda::config
