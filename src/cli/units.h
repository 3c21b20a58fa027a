// SPDX-License-Identifier: Apache-2.0
//
// Figures as people read them, three digits or so: for tables. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "loop/time.h"

namespace remuda::cli {

// "812 B", "31.5 MiB"; "-" for what was not measured (0).
std::string shown_memory(uint64_t bytes);
// "0 B", "31.5 MiB".
std::string shown_size(uint64_t bytes);
// How long a wait or a request takes: "340ms", "2.5s", then as an age.
std::string shown_wait(loop::Duration duration);
// How long something has lived: "0s", "45s", "2m05s", "2h05m", "1d02h".
std::string shown_age(loop::Duration duration);
// "12", "0.5", "1200": per second.
std::string shown_rate(double rate);
// "1 instance", "2 instances".
std::string counted(uint64_t count, std::string_view noun);

}  // namespace remuda::cli
