// SPDX-License-Identifier: Apache-2.0
//
// An application of Node.js: its package.json says what starts it, or a script of a usual name listens. A
// package.json alone says nothing, since sites that are only built with Node.js have one, too.
#include <fmt/format.h>

#include <array>

#include <nlohmann/json.hpp>

#include "config/language.h"
#include "config/recognise.h"

namespace remuda::config {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kNames{"server.js", "app.js", "index.js", "server.mjs",
                                                 "index.mjs"};

std::string text_at(const json& package, const char* pointer) {
  const json::json_pointer place(pointer);
  if (!package.contains(place) || !package[place].is_string()) return {};
  return package[place].get<std::string>();
}

// "node ./bin/www": the file. What else a shell would do with such a line is not tried.
std::string_view started_file(std::string_view start) {
  if (!start.starts_with("node ")) return {};
  start.remove_prefix(5);
  if (start.starts_with("./")) start.remove_prefix(2);
  return start.contains(' ') ? std::string_view() : start;
}

Recognised started_by(const std::string& directory, std::string_view name) {
  Recognised found{.type = AppType::kHttp,
                   .what = fmt::format("a Node.js application ({})", name),
                   .program = beside(directory, name)};
  if (!App{.type = AppType::kHttp, .model = AppModel::kPool, .program = {found.program}}.is_node_script())
    found.interpreter = language_of(AppType::kHttp).interpreter;
  return found;
}

}  // namespace

std::optional<Recognised> recognise_node(const std::string& directory, const Machine& machine) {
  const auto is_there = [&](std::string_view name) {
    return !name.empty() && machine.file(beside(directory, name), std::nullopt) == Access::kGood;
  };
  const auto listens = [&](std::string_view name) {
    return is_there(name) && machine.text(beside(directory, name)).contains(".listen(");
  };
  const json package = json::parse(machine.text(beside(directory, "package.json")), nullptr, false);
  const std::string start = text_at(package, "/scripts/start");
  const std::string main = text_at(package, "/main");
  if (const std::string_view file = started_file(start); is_there(file)) return started_by(directory, file);
  if (listens(main)) return started_by(directory, main);
  for (const std::string_view name : kNames) {
    if ((package.is_object() || name == kNames[0]) && listens(name)) return started_by(directory, name);
  }
  return std::nullopt;
}

}  // namespace remuda::config
