// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "apps/template_control.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <iterator>

namespace remuda::apps {

namespace {

constexpr std::chrono::seconds kMeasureTime{1};
// Beyond the template's own time: for the change before, and for the spawner to say so.
constexpr std::chrono::seconds kBeyondStart{10};

void append(std::vector<std::string>& to, std::vector<std::string> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::string why(const Renewal& renewal) {
  constexpr std::string_view kFailed = "the new template did not load";
  if (renewal.error == ECHILD) return std::string(kFailed);  // the details say it
  return fmt::format("{}: {}", kFailed, strerrordesc_np(renewal.error));
}

}  // namespace

TemplateControl::TemplateControl(loop::Loop& home, Control& inner, Templates& templates,
                                 TemplateSpawner& spawner, TemplateOptions options)
    : home_(home),
      inner_(inner),
      templates_(templates),
      spawner_(spawner),
      options_(options),
      succeeded_(home) {
  if (!has_instances()) return;
  templates_.on_successor(options_.app, [this] {
    if (ordered_ > 0) return;
    follow_ = true;
    succeeded_.notify_all();
  });
}

loop::Task<void> TemplateControl::run() {
  while (true) {
    if (!follow_) {
      if (const auto waited = co_await succeeded_.wait(loop::kNever); !waited) co_return;
      continue;
    }
    follow_ = false;
    following_ = true;
    followed_ = co_await inner_.restart();
    following_ = false;
  }
}

loop::Task<AppStatus> TemplateControl::status() {
  AppStatus status = co_await inner_.status();
  co_await templates_.describe(options_.app, spawner_, home_.now() + kMeasureTime, status);
  co_return status;
}

loop::Task<RestartReport> TemplateControl::restart() {
  ++ordered_;
  const loop::Time began = home_.now();
  const auto renewal =
      co_await spawner_.renew(options_.app, began + 2 * options_.start_timeout + kBeyondStart);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(home_.now() - began).count();
  if (!renewal || renewal->error != 0) {
    --ordered_;
    co_return renewal ? not_renewed(why(*renewal), renewal->detail)
                      : not_renewed(base::to_string(renewal.error()), {});
  }
  RestartReport report{.succeeded = true};
  report.lines.push_back(fmt::format("{}: its template is loaded anew after {} ms", name(), took));
  append(report.lines, lines_of(renewal->detail));
  if (has_instances()) {
    RestartReport instances = co_await inner_.restart();
    instances.lines.insert(instances.lines.begin(), report.lines.begin(), report.lines.end());
    report = std::move(instances);
  }
  --ordered_;
  co_return report;
}

// Its instances follow by themselves, from when the generation was ready on.
loop::Task<RestartReport> TemplateControl::restart_too() {
  if (follow_ || following_) co_return co_await inner_.restart();
  co_return followed_;
}

RestartReport TemplateControl::not_renewed(const std::string& trouble, std::string_view detail) const {
  RestartReport report;
  report.serves = "what was loaded before serves on";
  report.lines.push_back(fmt::format("{}: {}", name(), trouble));
  for (const std::string& line : lines_of(detail)) report.lines.push_back("  " + line);
  report.lines.emplace_back(report.serves);
  return report;
}

}  // namespace remuda::apps
