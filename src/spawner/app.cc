// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/app.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace remuda::spawner {

namespace {

// For programs whose rules have none.
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace

App::App(const AppRules& rules, uint32_t number)
    : rules_(rules), number_(number), root_(rules.root), confinement_(rules_.confinement, rules_.name) {
  arguments_.push_back(nullptr);
  for (std::string& argument : rules_.arguments) arguments_.push_back(argument.data());
  arguments_.push_back(nullptr);
  const auto is_path = [](const std::string& variable) { return variable.starts_with("PATH="); };
  if (std::ranges::none_of(rules_.environment, is_path)) rules_.environment.emplace_back(kPath);
  for (std::string& variable : rules_.environment) {
    if (may_be_set_by_request(variable)) {
      shared_.push_back(variable);
    } else {
      environment_.push_back(variable.data());
    }
  }
}

Refusal App::find_program(const Spawn& spawn, int64_t now, const char*& program) {
  if (!rules_.program.empty()) {
    if (!spawn.program.empty() && spawn.program != rules_.program)
      return {EPERM, Step::kResolve, "not the application's program"};
    program = rules_.program.c_str();
    return {};
  }
  if (const int error = root_.check(spawn.program, now); error != 0) return {error, Step::kResolve, {}};
  program = spawn.program.data();
  return {};
}

bool App::gather_environment(Input input, std::string_view brought, std::vector<char*>& environment) const {
  const auto may_be_set = input == Input::kListener ? may_be_set_by_pool : may_be_set_by_request;
  environment.assign(environment_.begin(), environment_.end());
  while (!brought.empty()) {
    const size_t length = brought.find('\0');
    if (!may_be_set(brought.substr(0, length))) return false;
    environment.push_back(const_cast<char*>(brought.data()));
    brought.remove_prefix(length + 1);
  }
  const size_t count = environment.size();
  for (const std::string_view variable : shared_) {
    const size_t name = variable.find('=') + 1;
    const bool is_brought =
        std::any_of(environment.begin(), environment.begin() + static_cast<ptrdiff_t>(count),
                    [&](const char* each) { return std::strncmp(each, variable.data(), name) == 0; });
    if (!is_brought) environment.push_back(const_cast<char*>(variable.data()));
  }
  environment.push_back(nullptr);
  return true;
}

char* const* App::arguments_of(const char* program) {
  arguments_[0] = const_cast<char*>(program);
  if (brought_.empty()) return arguments_.data();
  filled_.clear();
  for (const std::string& argument : rules_.arguments) filled_.push_back(filled_in(argument, brought_));
  filled_arguments_.assign(1, arguments_[0]);
  for (std::string& argument : filled_) filled_arguments_.push_back(argument.data());
  filled_arguments_.push_back(nullptr);
  return filled_arguments_.data();
}

const char* App::directory_of(const char* program) {
  if (!rules_.directory.empty()) return rules_.directory.c_str();
  directory_ = program;
  directory_.resize(std::max<size_t>(directory_.rfind('/'), 1));
  return directory_.c_str();
}

}  // namespace remuda::spawner
