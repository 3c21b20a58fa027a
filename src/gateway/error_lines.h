// SPDX-License-Identifier: Apache-2.0
//
// What programs write to standard error, cut into lines: for every wire as for the pool.
#pragma once

#include "base/error_lines.h"

namespace remuda::gateway {

using base::ErrorLines;

}  // namespace remuda::gateway
