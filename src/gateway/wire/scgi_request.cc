// SPDX-License-Identifier: Apache-2.0
//
// A pair is as long here as there, so the netstring's length is known before it is written.
#include "gateway/wire/scgi_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace remuda::gateway::wire {

namespace {

constexpr std::string_view kLength = "CONTENT_LENGTH=";
constexpr std::string_view kOwn = "SCGI=";

// Takes "NAME=value\0" off the front; its terminator is always there.
std::string_view take_variable(std::string_view& variables) {
  const size_t size = std::min(variables.find('\0'), variables.size() - 1) + 1;
  const std::string_view first = variables.substr(0, size);
  variables.remove_prefix(size);
  return first;
}

void append_pair(std::string_view variable, std::string& out) {
  const size_t began = out.size();
  out.append(variable);
  if (const size_t equals = variable.find('='); equals != std::string_view::npos) out[began + equals] = '\0';
}

}  // namespace

void append_scgi_request(std::string_view variables, std::string& out) {
  std::string_view length = {"CONTENT_LENGTH=0\0", 17};
  size_t size = 0;
  for (std::string_view rest = variables; !rest.empty();) {
    const std::string_view variable = take_variable(rest);
    if (variable.starts_with(kLength)) {
      length = variable;
    } else if (!variable.starts_with(kOwn)) {
      size += variable.size();
    }
  }
  constexpr std::string_view kMark("SCGI\0001\0", 7);
  fmt::format_to(std::back_inserter(out), "{}:", size + length.size() + kMark.size());
  append_pair(length, out);
  out.append(kMark);
  while (!variables.empty()) {
    const std::string_view variable = take_variable(variables);
    if (!variable.starts_with(kLength) && !variable.starts_with(kOwn)) append_pair(variable, out);
  }
  out += ',';
}

}  // namespace remuda::gateway::wire
