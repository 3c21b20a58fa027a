// SPDX-License-Identifier: Apache-2.0
//
// The pictures of the page: bars as elements whose width is a percentage, and how long answers took as SVG.
// Colours are the page's variables, so that they follow light and dark. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/advise/figures.h"

namespace remuda::cli::advise {

// Lengths of a bar: a full part and, behind it, a pale one.
struct Bar {
  double full = 0;
  double pale = 0;
  std::string shown;
};

// A row for each model that works, to one scale.
std::string bars(const std::vector<Figures>& figures, const std::function<Bar(const Figures&)>& bar_of);

// For each model that works the share of its answers by their time, to one logarithmic scale, with the median
// and the 99th percentile marked.
std::string latency_plots(const std::vector<Figures>& figures);

}  // namespace remuda::cli::advise
