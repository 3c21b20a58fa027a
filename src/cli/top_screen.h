// SPDX-License-Identifier: Apache-2.0
//
// The screen of `remuda top`, out of two snapshots: what changed between them. Pure.
#pragma once

#include <string>

#include "admin/snapshot.h"

namespace remuda::cli {

// Of the terminal, in characters.
struct ScreenSize {
  size_t lines = SIZE_MAX;
  size_t columns = SIZE_MAX;
};

// Applications, then instances, whoever used most CPU first. Lines are cut where the screen ends, and those
// that do not fit are left out.
std::string top_screen(const admin::Snapshot& before, const admin::Snapshot& now, loop::Duration between,
                       ScreenSize size);

}  // namespace remuda::cli
