// SPDX-License-Identifier: Apache-2.0
//
// launch(): one program started with clone(CLONE_VM | CLONE_VFORK): no page table is copied, and whether exec
// worked is known when the call returns, without a pipe.
//
// Spawner's process only. Between clone and exec the child runs in the spawner's memory on a stack of its
// own: it makes system calls and writes nothing but the outcome. All signals are blocked in the caller, so
// none is handled there.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <string>

#include "spawner/confinement/confinement.h"
#include "spawner/protocol.h"
#include "spawner/spawner.h"

namespace remuda::spawner {

struct Launch {
  const char* path = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* directory = nullptr;
  std::array<int, 3> descriptors{-1, -1, -1};  // none of them below 3, unless it is in its place
  int channel = -1;  // a template's: its descriptor 3. It ends with the spawner, whatever it does
  const AppRules* rules = nullptr;
  Confinement* confinement = nullptr;  // null, or without anything in it: none
};

struct Launched {
  pid_t pid = -1;  // its process group, too
  int error = 0;   // 0: it runs
  Step step = Step::kNone;
  std::string detail;  // of kConfine
};

// A failed child has been waited for.
Launched launch(const Launch& launch);

}  // namespace remuda::spawner
