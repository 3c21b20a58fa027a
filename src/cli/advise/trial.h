// SPDX-License-Identifier: Apache-2.0
//
// A trial: one application under one model, from the start of a private server to its end, measured.
//
//     start   first   settle           warm up        measure               remember
//     ------> 1 GET > templates load > a few GETs ->  N GETs; CPU between > N/4 GETs; memory meanwhile ->
//     stop
//
// The cold first answer is shown as it is; what is measured after it begins when nothing is loaded any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/advise/figures.h"
#include "cli/advise/interrupt.h"
#include "cli/advise/question.h"
#include "config/config.h"

namespace remuda::cli::advise {

struct Effort {
  uint32_t requests = 300;
  uint32_t at_once = 0;
  std::chrono::milliseconds most_measuring = std::chrono::seconds(10);  // then there are fewer requests
};

// `directory` is there and empty. Trouble of any kind stands in the figures.
Figures try_model(const config::Config& config, const Question& question, config::AppModel model,
                  const Effort& effort, const std::string& directory, Interrupt& interrupt);

}  // namespace remuda::cli::advise
