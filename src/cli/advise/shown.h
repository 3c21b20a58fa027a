// SPDX-License-Identifier: Apache-2.0
//
// The figures of a trial as people read them, beside those of units.h. Pure.
#pragma once

#include <string>

#include "cli/advise/figures.h"

namespace remuda::cli::advise {

// "850us", "1.10ms", "22.5ms", "1.4s"; "-" for none.
std::string shown_micros(Micros duration);
// How many times as much: "19 x", "4.1 x", "0.35 x".
std::string shown_times(double times);
// "300", "298, 2 failed", "132 of 300".
std::string shown_answers(const Answers& answers);

// "0 B", "9.8 MiB"; "-" where memory was not measured at all.
std::string shown_at_rest(const Memory& memory);

// "2 x AMD EPYC 7B13, Linux 6.1.0", and "2026-11-22 01:30 UTC".
std::string this_machine();
std::string this_moment();

}  // namespace remuda::cli::advise
