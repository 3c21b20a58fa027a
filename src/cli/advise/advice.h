// SPDX-License-Identifier: Apache-2.0
//
// Which model to choose, and why: out of figures alone, nothing else is claimed. Pure.
//
// Of the models that answered every request, and alike, the one that takes the least processor time is
// wanted. One that keeps less between requests (exec, then fork, then pool) is preferred when it takes hardly
// more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/advise/figures.h"
#include "config/config.h"

namespace remuda::cli::advise {

struct Advice {
  std::optional<config::AppModel> model;  // none: no model answered
  std::vector<std::string> sentences;     // the evidence
};

// How much more an earlier model may cost and still be preferred.
inline constexpr double kHardlyMore = 1.25;

// `figures` in the order exec, fork, pool; `configured`: the model that the application has.
Advice advise(const std::vector<Figures>& figures, config::AppModel configured);

// The line of the configuration that makes it so, and where it stands.
std::string configuration_line(const config::Config& config, const config::App& app, config::AppModel model);

}  // namespace remuda::cli::advise
