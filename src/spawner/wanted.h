// SPDX-License-Identifier: Apache-2.0
//
// Wanted: a Spawn that was accepted, with everything that came with it. One that a template is to fork waits
// in this form, can be asked of a second template, or be executed after all. Spawner's process only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "spawner/keeping.h"
#include "spawner/protocol.h"

namespace remuda::spawner {

class Channel;

struct Wanted {
  Channel* channel = nullptr;  // null: its worker has gone
  uint64_t id = 0;             // on the channel
  uint32_t app = 0;
  int32_t place = kNoPlace;
  Input input = Input::kNone;
  std::string label;
  StepTimes times;
  std::array<base::Fd, 3> descriptors;  // as they came

  // Of one that a template is to fork.
  uint64_t serial = 0;            // in the order of their coming
  std::vector<std::byte> packet;  // its Fork
  int signal = 0;                 // that its worker sent meanwhile
  bool asked_before = false;      // a template died on it

  // An instance: its listener, and one pipe for both outputs. A program: [input], output, errors.
  std::array<int, 3> standard_descriptors(int no_input) const {
    const auto number = [&](size_t i) { return descriptors[i].get(); };
    switch (input) {
      case Input::kNone: return {no_input, number(0), number(1)};
      case Input::kGiven: return {number(0), number(1), number(2)};
      case Input::kListener: return {number(0), number(1), number(1)};
    }
    return {-1, -1, -1};
  }
};

}  // namespace remuda::spawner
