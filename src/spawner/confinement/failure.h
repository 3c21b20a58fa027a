// SPDX-License-Identifier: Apache-2.0
//
// ConfinementFailure: what could not be done to keep an application apart, for the journey of its start.
#pragma once

#include <string>

namespace remuda::spawner {

struct ConfinementFailure {
  int error = 0;     // errno
  std::string what;  // "make /srv/shop/uploads writable"
};

}  // namespace remuda::spawner
