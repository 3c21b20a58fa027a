// SPDX-License-Identifier: Apache-2.0
//
// Label: what the pool writes on an instance for the worker that may inherit it: enough to lend it again.
// The spawner keeps it and does not read it. Sans-I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remuda::apps::pool {

struct Label {
  std::string app;
  uint64_t id = 0;
  uint32_t generation = 1;
  std::string socket;
};

std::string to_text(const Label& label);
// Nothing: another version's, or nobody's.
std::optional<Label> read_label(std::string_view text);

}  // namespace remuda::apps::pool
