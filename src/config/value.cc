// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing of single values, one function a type.
#include "config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/quantity.h"
#include "config/suggest.h"

namespace remuda::config {
namespace {

struct Mistake {
  std::string what;
  std::string hint;
  const Node* at = nullptr;  // the item of a list or table that is wrong
};
using Checked = std::optional<Mistake>;  // empty when the value was good

Mistake wrong_type(const Option& option, const Node& node) {
  std::string hint;
  if (node.kind == Node::Kind::kInteger && option.type == Type::kDuration)
    hint = fmt::format("write \"{}s\"", node.integer);
  if (node.kind == Node::Kind::kString && option.type == Type::kInteger)
    hint = "write the number without quotes";
  if (node.kind == Node::Kind::kString && option.type == Type::kBoolean)
    hint = "write true or false without quotes";
  const std::string or_word = option.word.empty() ? "" : fmt::format(" or \"{}\"", option.word);
  return {fmt::format("expected {}{}, not {}", type_expectation(option.type), or_word, kind_name(node.kind)),
          std::move(hint)};
}

// No configured text may carry a line end or another control character into a header or a log.
Checked check_text(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::none_of(text, is_control)) return std::nullopt;
  return Mistake{"the text holds a control character", "line ends, tabs and NUL are not allowed here"};
}

std::string amount_text(const Option& option, uint64_t amount) {
  if (option.type == Type::kDuration) return fmt::format("\"{}\"", format_duration(Duration(amount)));
  if (option.type == Type::kSize) return fmt::format("\"{}\"", format_size(Bytes{amount}));
  return fmt::format("{}", amount);
}

Checked check_range(const Option& option, uint64_t amount) {
  if (!option.allowed.empty()) {
    if (std::ranges::find(option.allowed, amount) != option.allowed.end()) return std::nullopt;
    return Mistake{fmt::format("{} is not allowed", amount),
                   fmt::format("one of {}", fmt::join(option.allowed, ", "))};
  }
  if (amount >= option.minimum && amount <= option.maximum) return std::nullopt;
  return Mistake{
      fmt::format("{} is out of range", amount_text(option, amount)),
      fmt::format("from {} to {}", amount_text(option, option.minimum), amount_text(option, option.maximum))};
}

Checked set_boolean(const Option& option, void* record, const Node& node) {
  if (node.kind != Node::Kind::kBoolean) return wrong_type(option, node);
  value_of<bool>(option, record) = node.boolean;
  return std::nullopt;
}

Checked set_integer(const Option& option, void* record, const Node& node) {
  if (!option.word.empty() && node.kind == Node::Kind::kString && node.text == option.word) {
    value_of<uint32_t>(option, record) = option.word_for;
    return std::nullopt;
  }
  if (node.kind != Node::Kind::kInteger) return wrong_type(option, node);
  if (node.integer < 0) {
    return Mistake{fmt::format("{} is out of range", node.integer),
                   fmt::format("from {} to {}", option.minimum, option.maximum)};
  }
  if (auto mistake = check_range(option, static_cast<uint64_t>(node.integer))) return mistake;
  value_of<uint32_t>(option, record) = static_cast<uint32_t>(node.integer);
  return std::nullopt;
}

Checked set_duration(const Option& option, void* record, const Node& node) {
  if (node.kind != Node::Kind::kString) return wrong_type(option, node);
  const auto duration = parse_duration(node.text);
  if (!duration) {
    return Mistake{fmt::format("{} is not a duration", toml_quoted(node.text)),
                   "a number and a unit (ms, s, m, h, d), such as \"30s\""};
  }
  if (auto mistake = check_range(option, static_cast<uint64_t>(duration->count()))) return mistake;
  value_of<Duration>(option, record) = *duration;
  return std::nullopt;
}

Checked set_size(const Option& option, void* record, const Node& node) {
  std::optional<Bytes> size;
  if (node.kind == Node::Kind::kInteger && node.integer >= 0) {
    size = Bytes{static_cast<uint64_t>(node.integer)};
  } else if (node.kind == Node::Kind::kString) {
    size = parse_size(node.text);
    if (!size) {
      const auto guess = guess_size(node.text);
      return Mistake{fmt::format("{} is not a size", toml_quoted(node.text)),
                     guess ? fmt::format("write \"{}\"", format_size(*guess))
                           : "a number and a unit (B, KiB, MiB, GiB, TiB), such as \"8KiB\""};
    }
  } else {
    return wrong_type(option, node);
  }
  if (auto mistake = check_range(option, size->count)) return mistake;
  value_of<Bytes>(option, record) = *size;
  return std::nullopt;
}

// A switch takes true and false without quotes.
std::string_view word_of(const Option& option, const Node& node) {
  if (node.kind == Node::Kind::kBoolean && is_switch(option)) return node.boolean ? "true" : "false";
  return node.kind == Node::Kind::kString ? std::string_view(node.text) : std::string_view();
}

Checked set_word(const Option& option, void* record, const Node& node) {
  const std::string_view word = word_of(option, node);
  if (word.data() == nullptr) {
    Mistake mistake = wrong_type(option, node);
    mistake.hint = "one of " + quoted_list(offered_words(option));
    return mistake;
  }
  const auto found = std::ranges::find(option.words, word);
  if (found == option.words.end()) {
    return Mistake{fmt::format("{} is not known", toml_quoted(word)),
                   did_you_mean(word, offered_words(option))};
  }
  *static_cast<uint8_t*>(option.member(record)) = static_cast<uint8_t>(found - option.words.begin());
  return std::nullopt;
}

Checked set_string(const Option& option, void* record, const Node& node) {
  if (node.kind != Node::Kind::kString) return wrong_type(option, node);
  if (auto mistake = check_text(node.text)) return mistake;
  if (node.text.empty()) return Mistake{"the text is empty", "leave the option out to get the default"};
  value_of<std::string>(option, record) = node.text;
  return std::nullopt;
}

Checked set_path(const Option& option, void* record, const Node& node, const ValueContext& context) {
  if (node.kind != Node::Kind::kString) return wrong_type(option, node);
  if (auto mistake = check_text(node.text)) return mistake;
  if (node.text.empty())
    return Mistake{"the path is empty", "\".\" is the directory of the configuration file"};
  value_of<Path>(option, record).text = absolute_path(node.text, context.base_directory);
  return std::nullopt;
}

Checked set_log_target(const Option& option, void* record, const Node& node, const ValueContext& context) {
  if (node.kind != Node::Kind::kString) return wrong_type(option, node);
  if (auto mistake = check_text(node.text)) return mistake;
  if (node.text.empty()) return Mistake{"the path is empty", "write \"off\" for none"};
  LogTarget& target = value_of<LogTarget>(option, record);
  using Kind = LogTarget::Kind;
  for (const Kind kind : {Kind::kOff, Kind::kStandardOutput, Kind::kStandardError, Kind::kSyslog}) {
    if (node.text != to_string(LogTarget{kind, {}})) continue;
    target = {kind, {}};
    return std::nullopt;
  }
  target = {Kind::kFile, absolute_path(node.text, context.base_directory)};
  return std::nullopt;
}

Checked set_address(const Option& option, void* record, const Node& node, const ValueContext& context) {
  if (node.kind != Node::Kind::kString) return wrong_type(option, node);
  if (auto mistake = check_text(node.text)) return mistake;
  auto address = parse_address(node.text, context.base_directory);
  if (!address) {
    return Mistake{fmt::format("{}: {}", toml_quoted(node.text), address.error().what), address.error().hint};
  }
  value_of<Address>(option, record) = std::move(*address);
  return std::nullopt;
}

Checked check_item(const Option& option, const Node& item, const StringList& before) {
  if (item.kind != Node::Kind::kString) return wrong_type(option, item);
  if (option.items == Items::kArguments) return check_text(item.text);
  if (item.text.empty()) return Mistake{"an item of the list is empty", "leave it out"};
  if (std::ranges::find(before, item.text) != before.end()) {
    return Mistake{fmt::format("{} stands in the list twice", toml_quoted(item.text)), "leave one out"};
  }
  return check_text(item.text);
}

// A single string stands for a list of one. `take` gets each item that is a text.
template <class Take>
Checked for_each_item(const Option& option, const Node& node, Take take) {
  StringList texts;
  const std::span<const Node> items =
      node.kind == Node::Kind::kList ? std::span(node.children) : std::span(&node, 1);
  for (const Node& item : items) {
    Checked mistake = check_item(option, item, texts);
    if (!mistake) mistake = take(item.text);
    if (mistake) {
      mistake->at = &item;
      return mistake;
    }
    texts.push_back(item.text);
  }
  return std::nullopt;
}

Checked set_list(const Option& option, void* record, const Node& node) {
  StringList list;
  const auto take = [&](const std::string& text) -> Checked {
    list.push_back(text);
    return std::nullopt;
  };
  if (auto mistake = for_each_item(option, node, take)) return mistake;
  value_of<StringList>(option, record) = std::move(list);
  return std::nullopt;
}

Checked set_paths(const Option& option, void* record, const Node& node, const ValueContext& context) {
  Paths paths;
  const auto take = [&](const std::string& text) -> Checked {
    paths.push_back({absolute_path(text, context.base_directory)});
    return std::nullopt;
  };
  if (auto mistake = for_each_item(option, node, take)) return mistake;
  value_of<Paths>(option, record) = std::move(paths);
  return std::nullopt;
}

Checked set_peers(const Option& option, void* record, const Node& node, const ValueContext& context) {
  Peers peers;
  const auto take = [&](const std::string& text) -> Checked {
    auto peer = base::parse_peer(text);
    if (!peer) return Mistake{fmt::format("{}: {}", toml_quoted(text), peer.error().what), peer.error().hint};
    if (!peer->path.empty() && peer->path.front() != '@')
      peer->path = absolute_path(peer->path, context.base_directory);
    if (peer->path.size() > base::Peer::kLongestPath)
      return Mistake{fmt::format("{}: the path is too long for a socket", toml_quoted(text)),
                     "use a shorter one"};
    const auto same = [&](const Peer& other) { return address_text(other) == address_text(*peer); };
    if (std::ranges::any_of(peers, same)) {
      return Mistake{fmt::format("{} stands in the list twice", toml_quoted(address_text(*peer))),
                     "weight=2 gives a peer twice the share"};
    }
    peers.push_back(std::move(*peer));
    return std::nullopt;
  };
  if (auto mistake = for_each_item(option, node, take)) return mistake;
  value_of<Peers>(option, record) = std::move(peers);
  return std::nullopt;
}

Checked set_map(const Option& option, void* record, const Node& node) {
  if (node.kind != Node::Kind::kTable) return wrong_type(option, node);
  StringMap map;
  for (const Node& item : node.children) {
    if (item.kind != Node::Kind::kString) {
      return Mistake{fmt::format("{}: expected a string, not {}", item.key, kind_name(item.kind)),
                     "put it in quotes", &item};
    }
    if (item.key.empty() || item.key.contains('=') || item.key.contains('\0') || item.text.contains('\0')) {
      return Mistake{fmt::format("{} cannot be set", toml_quoted(item.key)),
                     "a name without \"=\", a value without NUL", &item};
    }
    map.emplace_back(item.key, item.text);
  }
  std::ranges::sort(map);
  value_of<StringMap>(option, record) = std::move(map);
  return std::nullopt;
}

Checked set(const Option& option, void* record, const Node& node, const ValueContext& context) {
  switch (option.type) {
    case Type::kBoolean: return set_boolean(option, record, node);
    case Type::kInteger: return set_integer(option, record, node);
    case Type::kDuration: return set_duration(option, record, node);
    case Type::kSize: return set_size(option, record, node);
    case Type::kString: return set_string(option, record, node);
    case Type::kPath: return set_path(option, record, node, context);
    case Type::kLogTarget: return set_log_target(option, record, node, context);
    case Type::kAddress: return set_address(option, record, node, context);
    case Type::kWord: return set_word(option, record, node);
    case Type::kStringList: return set_list(option, record, node);
    case Type::kPaths: return set_paths(option, record, node, context);
    case Type::kPeers: return set_peers(option, record, node, context);
    case Type::kMap: return set_map(option, record, node);
  }
  return std::nullopt;
}

// `text_of` makes a text of an item.
template <class List, class TextOf>
std::string list_text(const List& list, TextOf text_of) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ", ") + toml_quoted(text_of(item));
  return "[" + text + "]";
}

std::string integer_text(const Option& option, uint32_t value) {
  const bool is_word = !option.word.empty() && value == option.word_for;
  return is_word ? toml_quoted(option.word) : fmt::format("{}", value);
}

std::string word_text(const Option& option, std::string_view word) {
  const bool plain = is_switch(option) && (word == "true" || word == "false");
  return plain ? std::string(word) : toml_quoted(word);
}

// TOML allows these in a key without quotes.
bool is_bare_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string map_text(const StringMap& map) {
  std::string text;
  for (const auto& [name, value] : map) {
    text += fmt::format("{}{} = {}", text.empty() ? " " : ", ", is_bare_key(name) ? name : toml_quoted(name),
                        toml_quoted(value));
  }
  return text.empty() ? "{}" : "{" + text + " }";
}

}  // namespace

std::string_view type_expectation(Type type) {
  switch (type) {
    case Type::kBoolean: return "true or false";
    case Type::kInteger: return "an integer";
    case Type::kDuration: return "a duration such as \"30s\"";
    case Type::kSize: return "a size such as \"8KiB\"";
    case Type::kString: return "a string";
    case Type::kPath: return "a path in quotes";
    case Type::kLogTarget: return "\"stdout\", \"stderr\", \"off\" or a path in quotes";
    case Type::kAddress: return "an address such as \"127.0.0.1:8080\"";
    case Type::kWord: return "a word in quotes";
    case Type::kStringList: return "a string or a list of strings";
    case Type::kPaths: return "a path or a list of paths";
    case Type::kPeers: return "a peer or a list of peers such as [\"127.0.0.1:9000\"]";
    case Type::kMap: return "a table of strings such as { NAME = \"value\" }";
  }
  return {};
}

std::optional<Diagnostic> set_value(const Option& option, void* record, const Node& node,
                                    const ValueContext& context) {
  auto mistake = set(option, record, node, context);
  if (!mistake) return std::nullopt;
  const Origin& where = mistake->at == nullptr ? node.at : mistake->at->at;
  return Diagnostic{Diagnostic::Severity::kError, where, fmt::format("{}: {}", context.name, mistake->what),
                    std::move(mistake->hint)};
}

Node node_from_text(const Option& option, std::string_view text, const Origin& origin) {
  Node node;
  node.at = node.key_at = origin;
  node.kind = Node::Kind::kString;
  node.text = text;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (is_number && (option.type == Type::kInteger || option.type == Type::kSize)) {
    node.kind = Node::Kind::kInteger;
    node.integer = number;
  } else if (option.type == Type::kBoolean && (text == "true" || text == "false")) {
    node.kind = Node::Kind::kBoolean;
    node.boolean = text == "true";
  }
  return node;
}

std::optional<uint32_t> octal_rights(std::string_view text) {
  uint32_t rights = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rights, 8);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && (text.size() == 3 || text.size() == 4) && rights <= 0777 ? std::optional(rights)
                                                                           : std::nullopt;
}

std::string toml_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string value_text(const Option& option, const void* record) {
  switch (option.type) {
    case Type::kBoolean: return value_of<bool>(option, record) ? "true" : "false";
    case Type::kInteger: return integer_text(option, value_of<uint32_t>(option, record));
    case Type::kDuration: return fmt::format("\"{}\"", format_duration(value_of<Duration>(option, record)));
    case Type::kSize: return fmt::format("\"{}\"", format_size(value_of<Bytes>(option, record)));
    case Type::kString: return toml_quoted(value_of<std::string>(option, record));
    case Type::kPath: return toml_quoted(value_of<Path>(option, record).text);
    case Type::kLogTarget: return toml_quoted(to_string(value_of<LogTarget>(option, record)));
    case Type::kAddress: return toml_quoted(to_string(value_of<Address>(option, record)));
    case Type::kWord: return word_text(option, option.words[value_of<uint8_t>(option, record)]);
    case Type::kStringList:
      return list_text(value_of<StringList>(option, record), [](const std::string& item) { return item; });
    case Type::kPaths:
      return list_text(value_of<Paths>(option, record), [](const Path& path) { return path.text; });
    case Type::kPeers:
      return list_text(value_of<Peers>(option, record), [](const Peer& peer) { return to_string(peer); });
    case Type::kMap: return map_text(value_of<StringMap>(option, record));
  }
  return {};
}

bool is_unset(const Option& option, const void* record) {
  switch (option.type) {
    case Type::kString: return value_of<std::string>(option, record).empty();
    case Type::kPath: return value_of<Path>(option, record).empty();
    case Type::kStringList: return value_of<StringList>(option, record).empty();
    case Type::kPaths: return value_of<Paths>(option, record).empty();
    case Type::kPeers: return value_of<Peers>(option, record).empty();
    case Type::kMap: return value_of<StringMap>(option, record).empty();
    default: return false;
  }
}

}  // namespace remuda::config
