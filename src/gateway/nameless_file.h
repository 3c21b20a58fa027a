// SPDX-License-Identifier: Apache-2.0
//
// open_nameless_file(): a file for bytes that memory should not hold: nobody else can open it, and it is gone
// with its descriptor. Blocks: for offload threads.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace remuda::gateway {

base::Result<base::Fd> open_nameless_file(const std::string& directory);

}  // namespace remuda::gateway
