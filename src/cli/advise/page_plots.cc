// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/advise/page_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/html.h"
#include "cli/advise/shown.h"
#include "cli/describe.h"

namespace remuda::cli::advise {
namespace {

constexpr double kWidth = 480;  // units of the picture
constexpr double kHeight = 70;  // of one distribution
constexpr double kTop = 20;     // where the marks are named
constexpr size_t kSteps = 60;   // of the scale of time

// From the shortest to the longest of all answers, in powers of ten.
struct Scale {
  double begin = 0;
  double end = 1;
  double at(double micros) const {
    return (std::log10(std::max(micros, 1.0)) - begin) / (end - begin) * kWidth;
  }
};

Scale scale_of(const std::vector<Figures>& figures) {
  double shortest = 1e12;
  double longest = 1;
  for (const Figures& each : figures) {
    if (!each.works()) continue;
    shortest = std::min(shortest, static_cast<double>(each.answers.latencies.front().count()));
    longest = std::max(longest, static_cast<double>(each.answers.latencies.back().count()));
  }
  constexpr double kRoom = 0.06;
  const Scale scale{std::log10(std::max(shortest, 1.0)) - kRoom, std::log10(longest) + kRoom};
  return scale;
}

// 1, 2 and 5 of each power of ten within the scale.
std::vector<double> ticks_of(const Scale& scale) {
  std::vector<double> ticks;
  for (double power = std::pow(10, std::floor(scale.begin)); std::log10(power) < scale.end; power *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      const double at = std::log10(power * step);
      if (at > scale.begin && at < scale.end) ticks.push_back(power * step);
    }
  }
  while (ticks.size() > 7) {
    std::vector<double> fewer;
    for (size_t i = 0; i < ticks.size(); i += 2) fewer.push_back(ticks[i]);
    ticks = std::move(fewer);
  }
  return ticks;
}

std::string histogram(const Figures& figures, const Scale& scale) {
  std::array<uint32_t, kSteps> counts{};
  for (const Micros each : figures.answers.latencies) {
    const double at = scale.at(static_cast<double>(each.count())) / kWidth * kSteps;
    ++counts[std::min(static_cast<size_t>(std::max(at, 0.0)), kSteps - 1)];
  }
  const double most = *std::ranges::max_element(counts);
  const double step = kWidth / kSteps;
  std::string text;
  for (size_t i = 0; i < kSteps; ++i) {
    if (counts[i] == 0) continue;
    const double height = std::max(1.0, counts[i] / most * (kHeight - kTop));
    text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>",
                        static_cast<double>(i) * step + 0.5, kHeight - height, step - 1, height);
  }
  return text;
}

// A line with its name, on the side where there is room.
std::string mark(const Figures& figures, const Scale& scale, double percent) {
  const Micros value = percentile(figures.answers.latencies, percent);
  const double x = scale.at(static_cast<double>(value.count()));
  const bool left = percent < 90;
  return fmt::format(
      "<path d=\"M{0:.1f} 2V{1}\"/><text x=\"{2:.1f}\" y=\"14\" text-anchor=\"{3}\">p{4:.0f} {5}</text>", x,
      kHeight, x + (left ? -4 : 4), left ? "end" : "start", percent, shown_micros(value));
}

std::string plot(const Figures& figures, const Scale& scale) {
  const std::string_view model = word_of(figures.model);
  return fmt::format(
      "<figure class={0}><figcaption>{0}</figcaption><svg viewBox=\"-80 0 660 {1}\" role=img "
      "aria-label=\"how long "
      "answers took under {0}\"><g class=fill>{2}</g><path d=\"M0 {1}H{3}\"/>{4}{5}</svg></figure>\n",
      model, kHeight, histogram(figures, scale), kWidth, mark(figures, scale, 50), mark(figures, scale, 99));
}

std::string axis(const Scale& scale) {
  std::string text = "<svg class=axis viewBox=\"-80 0 660 18\" aria-hidden=true>";
  for (const double tick : ticks_of(scale)) {
    const std::string shown = tick < 1000  ? fmt::format("{:g}us", tick)
                              : tick < 1e6 ? fmt::format("{:g}ms", tick / 1000)
                                           : fmt::format("{:g}s", tick / 1e6);
    text +=
        fmt::format("<path d=\"M{0:.1f} 0v4\"/><text x=\"{0:.1f}\" y=\"15\" text-anchor=middle>{1}</text>",
                    scale.at(tick), shown);
  }
  return text + "</svg>\n";
}

}  // namespace

std::string bars(const std::vector<Figures>& figures, const std::function<Bar(const Figures&)>& bar_of) {
  double longest = 0;
  for (const Figures& each : figures) {
    if (each.works()) longest = std::max(longest, bar_of(each).full + bar_of(each).pale);
  }
  std::string text = "<div class=bars>\n";
  for (const Figures& each : figures) {
    if (!each.works()) continue;
    const Bar bar = bar_of(each);
    const auto percent = [&](double part) { return longest > 0 ? part / longest * 100 : 0; };
    std::string shown;
    base::append_html_escaped(shown, bar.shown);
    text += fmt::format(
        "<div class={0}><span>{0}</span><span class=track><i style=\"width:{1:.2f}%\"></i><i class=pale "
        "style=\"width:{2:.2f}%\"></i></span><span>{3}</span></div>\n",
        word_of(each.model), percent(bar.full), percent(bar.pale), shown);
  }
  return text + "</div>\n";
}

std::string latency_plots(const std::vector<Figures>& figures) {
  const Scale scale = scale_of(figures);
  std::string text;
  for (const Figures& each : figures) {
    if (each.works()) text += plot(each, scale);
  }
  return text + axis(scale);
}

}  // namespace remuda::cli::advise
