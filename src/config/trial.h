// SPDX-License-Identifier: Apache-2.0
//
// Whether this machine has a means of confinement: it is used, in a process that ends at once and changes
// nothing for others; of a cgroup it is looked up who may do what. Used while a configuration is read, by one
// thread.
#pragma once

#include <optional>

#include "config/machine.h"

namespace remuda::config {

std::optional<Obstacle> try_out(Means means);

}  // namespace remuda::config
