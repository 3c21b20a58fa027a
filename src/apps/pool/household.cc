// SPDX-License-Identifier: Apache-2.0
//
// Workers of one server share the run directory: a name has the process in it.
#include "apps/pool/household.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/ascii.h"

namespace remuda::apps::pool {

namespace {

constexpr size_t kShownName = 24;

}  // namespace

std::string Household::socket_path(std::string_view app, uint64_t id) const {
  std::string name(app.substr(0, kShownName));
  for (char& c : name) {
    if (!base::is_letter(c) && !base::is_digit(c)) c = '_';
  }
  return fmt::format("{}/{}.{}-{}.sock", run_directory, name, ::getpid(), id);
}

}  // namespace remuda::apps::pool
