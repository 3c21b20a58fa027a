// SPDX-License-Identifier: Apache-2.0
//
// The option tables: every option that exists, once. The rows stand in rows_*.h; see option.h for what is
// made out of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/option.h"
#include "config/rows_app.h"
#include "config/rows_route.h"
#include "config/rows_server.h"

namespace remuda::config {
namespace {

template <auto member>
constexpr Table once(std::string_view name, std::string_view text, std::span<const Option> options) {
  using Record = typename MemberOf<member>::ValueType;
  return {name,
          Table::Shape::kOnce,
          text,
          options,
          [](const Config&) -> size_t { return 1; },
          [](Config& config, size_t) -> void* { return &(config.*member); },
          nullptr,
          []() -> const void* {
            static const Record defaults;
            return &defaults;
          }};
}

template <auto member>
constexpr Table many(std::string_view name, Table::Shape shape, std::string_view text,
                     std::span<const Option> options) {
  using Record = typename MemberOf<member>::ValueType::value_type;
  return {name,
          shape,
          text,
          options,
          [](const Config& config) -> size_t { return (config.*member).size(); },
          [](Config& config, size_t index) -> void* { return &(config.*member)[index]; },
          [](Config& config, std::string_view record_name, const Origin& origin) -> void* {
            Record& record = (config.*member).emplace_back();
            if constexpr (requires { record.name; }) record.name = record_name;
            record.origin = origin;
            return &record;
          },
          []() -> const void* {
            static const Record defaults;
            return &defaults;
          }};
}

constexpr std::array kTables{
    once<&Config::server>("server", "The server as a whole.", rows::kServerOptions),
    once<&Config::workers>(
        "workers", "Concurrency is three numbers: processes, event loops in each, connections in each loop.",
        rows::kWorkersOptions),
    many<&Config::listeners>("listener", Table::Shape::kRepeated,
                             "A socket that accepts connections. Without any: 127.0.0.1:8080.",
                             rows::kListenerOptions),
    once<&Config::timeouts>("timeouts", "How long the server waits for a client.", rows::kTimeoutsOptions),
    once<&Config::limits>("limits", "How much a client may send, how slowly, and what is kept in memory.",
                          rows::kLimitsOptions),
    once<&Config::log>("log",
                       "What is written about requests and about the server. SIGUSR1 opens the files again.",
                       rows::kLogOptions),
    once<&Config::pool>("pool", "The budget over all applications of model pool.", rows::kPoolOptions),
    many<&Config::apps>(
        "app", Table::Shape::kNamed,
        "An application. Routes refer to it by its name. With model exec or fork one of root and program is "
        "needed, with pool a program, with remote peers; of types wsgi, rack, psgi and php root and nothing "
        "else. "
        "`instances.min` and the like may be written as one table: "
        "`instances = { min = 1, max = 8 }`.",
        rows::kAppOptions),
    many<&Config::routes>(
        "route", Table::Shape::kRepeated,
        "A rule: what answers for a host, a path and a method. The first that matches decides; a request "
        "that none matches gets 404. Each has exactly one action: app, files, redirect or respond; or app "
        "and files: "
        "what is a file and no script is served, the application gets the rest.",
        rows::kRouteOptions),
};

}  // namespace

std::span<const Table> tables() { return kTables; }

const Table& table_named(std::string_view name) {
  for (const Table& table : kTables) {
    if (table.name == name) return table;
  }
  CHECK(false);
}

const Option* find_option(const Table& table, std::string_view name) {
  for (const Option& option : table.options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

bool is_group(const Table& table, std::string_view name) {
  return std::ranges::any_of(table.options, [&](const Option& option) {
    return option.name.starts_with(name) && option.name.substr(name.size()).starts_with('.');
  });
}

bool applies(const Option& option, const App& app) {
  return (option.models == 0 || (option.models & bit(app.model)) != 0) &&
         (option.types == 0 || (option.types & bit(app.type)) != 0);
}

std::vector<std::string_view> offered_words(const Option& option) {
  std::vector<std::string_view> words;
  for (size_t i = 0; i < option.words.size(); ++i) {
    if ((option.offered >> i & 1U) != 0) words.push_back(option.words[i]);
  }
  return words;
}

bool is_switch(const Option& option) { return std::ranges::find(option.words, "true") != option.words.end(); }

std::string record_name(const Table& table, const Config& config, size_t index) {
  switch (table.shape) {
    case Table::Shape::kOnce: break;
    case Table::Shape::kNamed: return fmt::format("{}.{}", table.name, config.apps[index].name);
    case Table::Shape::kRepeated: return fmt::format("{}[{}]", table.name, index);
  }
  return std::string(table.name);
}

}  // namespace remuda::config
