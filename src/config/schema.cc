// SPDX-License-Identifier: Apache-2.0
//
// The JSON schema of the configuration file: the only file that includes the JSON library.
#include <fmt/format.h>

#include <utility>

#include <nlohmann/json.hpp>

#include "config/option.h"
#include "config/reference.h"
#include "config/value.h"

namespace remuda::config {
namespace {

using Json = nlohmann::ordered_json;

Json words_of(const Option& option) {
  Json words = Json::array();
  for (const std::string_view word : offered_words(option)) {
    const bool plain = is_switch(option) && (word == "true" || word == "false");
    words.push_back(plain ? Json(word == "true") : Json(word));
  }
  return words;
}

Json string_list(const Option& option) {
  if (option.items == Items::kArguments) {
    const Json any = {{"type", "string"}};
    return {{"oneOf", Json::array({any, {{"type", "array"}, {"items", any}}})}};
  }
  const Json one = {{"type", "string"}, {"minLength", 1}};
  return {{"oneOf", Json::array({one, {{"type", "array"}, {"items", one}, {"uniqueItems", true}}})}};
}

Json integer(const Option& option) {
  if (option.allowed.empty()) {
    const Json number = {{"type", "integer"}, {"minimum", option.minimum}, {"maximum", option.maximum}};
    if (option.word.empty()) return number;
    return {{"oneOf", Json::array({number, {{"const", option.word}}})}};
  }
  return {{"enum", std::vector<uint32_t>(option.allowed.begin(), option.allowed.end())}};
}

Json size(const Option& option) {
  const Json text = {{"type", "string"}, {"pattern", "^(0|[0-9]+(B|KiB|MiB|GiB|TiB))$"}};
  const Json number = {{"type", "integer"}, {"minimum", option.minimum}, {"maximum", option.maximum}};
  return {{"oneOf", Json::array({text, number})}};
}

Json value_schema(const Option& option) {
  switch (option.type) {
    case Type::kBoolean: return {{"type", "boolean"}};
    case Type::kInteger: return integer(option);
    case Type::kDuration: return {{"type", "string"}, {"pattern", "^(0|([0-9]+(ms|s|m|h|d))+)$"}};
    case Type::kSize: return size(option);
    case Type::kWord: return {{"enum", words_of(option)}};
    case Type::kStringList:
    case Type::kPaths:
    case Type::kPeers: return string_list(option);
    case Type::kMap: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
    case Type::kString:
    case Type::kPath:
    case Type::kLogTarget:
    case Type::kAddress: break;
  }
  return {{"type", "string"}, {"minLength", 1}};
}

Json default_of(const Table& table, const Option& option) {
  const void* defaults = table.defaults();
  switch (option.type) {
    case Type::kBoolean: return value_of<bool>(option, defaults);
    case Type::kInteger:
      if (option.word.empty() || value_of<uint32_t>(option, defaults) != option.word_for)
        return value_of<uint32_t>(option, defaults);
      return option.word;
    case Type::kStringList: return value_of<StringList>(option, defaults);
    case Type::kMap: return Json::object();
    default: break;
  }
  const std::string quoted = value_text(option, defaults);
  return quoted.substr(1, quoted.size() - 2);
}

Json option_schema(const Table& table, const Option& option) {
  Json schema = value_schema(option);
  schema["description"] = option.text;
  if (option.unset.empty() && !is_unset(option, table.defaults()))
    schema["default"] = default_of(table, option);
  return schema;
}

Json object_schema(std::string_view description) {
  return {{"type", "object"},
          {"description", description},
          {"properties", Json::object()},
          {"additionalProperties", false}};
}

// The object that holds the option, and its name there: "instances.min" is "min" in "instances".
std::pair<Json*, std::string> home_of(Json& record, const Option& option) {
  const size_t point = option.name.find('.');
  if (point == std::string_view::npos) return {&record["properties"], std::string(option.name)};
  Json& group = record["properties"][std::string(option.name.substr(0, point))];
  if (group.is_null()) group = object_schema("");
  return {&group["properties"], std::string(option.name.substr(point + 1))};
}

Json record_schema(const Table& table) {
  Json schema = object_schema(table.text);
  Json dependent = Json::object();
  for (const Option& option : table.options) {
    const auto [home, name] = home_of(schema, option);
    (*home)[name] = option_schema(table, option);
    if (!option.only_with.empty()) dependent[std::string(option.name)] = Json::array({option.only_with});
  }
  if (!dependent.empty()) schema["dependentRequired"] = dependent;
  return schema;
}

// One action, or an application with files before it.
Json one_action() {
  const auto only = [](std::string_view name, std::initializer_list<std::string_view> others) {
    Json without = Json::array();
    for (const std::string_view other : others) without.push_back({{"required", Json::array({other})}});
    return Json{{"required", Json::array({name})}, {"not", {{"anyOf", without}}}};
  };
  return Json::array({only("app", {"redirect", "respond"}), only("files", {"app", "redirect", "respond"}),
                      only("redirect", {"app", "files", "respond"}),
                      only("respond", {"app", "files", "redirect"})});
}

Json table_schema(const Table& table) {
  Json record = record_schema(table);
  if (table.name == "route") record["oneOf"] = one_action();
  if (table.name == "listener") record["required"] = Json::array({"address"});
  switch (table.shape) {
    case Table::Shape::kOnce: break;
    case Table::Shape::kNamed:
      return {{"type", "object"},
              {"propertyNames", {{"pattern", "^[A-Za-z0-9_-]+$"}}},
              {"additionalProperties", record}};
    case Table::Shape::kRepeated: return {{"type", "array"}, {"items", record}};
  }
  return record;
}

}  // namespace

std::string reference_json_schema() {
  Json properties = Json::object();
  for (const Table& table : tables()) properties[std::string(table.name)] = table_schema(table);
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "Remuda configuration"},
                       {"type", "object"},
                       {"properties", properties},
                       {"additionalProperties", false}};
  return schema.dump(2) + "\n";
}

}  // namespace remuda::config
