// SPDX-License-Identifier: Apache-2.0
//
// Opening files below a directory in a way that cannot leave it, whatever ".." and symbolic links say.
// Blocks: for offload threads and the start.
//
// With openat2(2) the kernel sees to it (RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS). Where it is missing, each
// component is opened by itself without following links, ".." goes back to the directory that was passed on
// the way down, and links are read and followed by hand. An absolute link leaves the root, so it is refused
// by both.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "content/file_options.h"

namespace remuda::content {

// What this machine can do of what was wished.
Resolution available_resolution(Resolution wished);

// Opens `path` (relative; empty: the directory itself) with `flags` of open(2), without O_CREAT. O_CLOEXEC
// and O_NOCTTY are added. EXDEV: the path leaves the directory. ELOOP: more than 40 links.
base::Result<base::Fd> open_beneath(int directory, const std::string& path, int flags, Resolution resolution);

}  // namespace remuda::content
