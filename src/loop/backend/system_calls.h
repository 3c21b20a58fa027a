// SPDX-License-Identifier: Apache-2.0
//
// perform(): does what an Operation asks with one non-blocking system call.
//
// Returns the result or -errno; -EAGAIN means "would block". EINTR is retried. Knows nothing of readiness.
#pragma once

#include <cstdint>

#include "loop/operation.h"

namespace remuda::loop {

int64_t perform(Operation& operation);

}  // namespace remuda::loop
