// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/authorizer.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "gateway/answering.h"
#include "gateway/describe.h"

namespace remuda::gateway {

namespace {

constexpr std::string_view kVariablePrefix = "Variable-";

// A variable that no environment could hold is none.
bool is_variable_name(std::string_view name) {
  const auto plain = [](char c) { return base::is_letter(c) || base::is_digit(c) || c == '_'; };
  return !name.empty() && !base::is_digit(name.front()) && std::ranges::all_of(name, plain);
}

// Behind what authorizers before this one have said.
void add_variables(http::Exchange& exchange, const Answering& answering) {
  answering.head().for_each_line(answering.text(), [&](std::string_view name, std::string_view value) {
    if (!base::equal_ignoring_case(name.substr(0, kVariablePrefix.size()), kVariablePrefix)) return;
    name.remove_prefix(kVariablePrefix.size());
    if (!is_variable_name(name)) return;
    exchange.variables = exchange.arena.join(exchange.variables, name, "=", value, std::string_view("\0", 1));
  });
}

std::string script_of(const AppOptions& options) {
  if (options.root.empty()) return options.program;
  return options.root + options.fallback;
}

}  // namespace

Authorizer::Authorizer(Application application, AppOptions options, std::unique_ptr<http::Handler> guarded)
    : application_(application),
      options_(std::move(options)),
      label_("authorizer " + options_.name),
      script_filename_(script_of(options_)),
      guarded_(std::move(guarded)) {}

loop::Task<void> Authorizer::handle(http::Exchange& exchange) {
  const std::string_view handled_by = std::exchange(exchange.handled_by, label_);
  if (!co_await allows(exchange)) co_return;
  exchange.handled_by = handled_by;
  exchange.handling_began = {};
  co_await guarded_->handle(exchange);
}

loop::Task<bool> Authorizer::allows(http::Exchange& exchange) {
  std::string variables;
  const Subject subject{.role = wire::CgiRole::kAuthorizer, .script_filename = script_filename_};
  describe(exchange, options_, subject, variables);
  Answering answering(exchange, application_, options_);
  const Inquiry inquiry{.role = Question::Role::kAuthorizer, .variables = variables};
  if (!co_await answering.ask(inquiry)) co_return false;
  if (!answering.head().is_allowing()) {
    co_await answering.pass_on();
    co_return false;
  }
  add_variables(exchange, answering);
  co_await answering.dismiss();
  co_return true;
}

}  // namespace remuda::gateway
