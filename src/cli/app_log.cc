// SPDX-License-Identifier: Apache-2.0
//
// One line for each line of standard error; one message of several lines for a journey that went wrong.
#include "cli/app_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace remuda::cli {

void AppLog::error_line(uint64_t request, std::string_view app, std::string_view line) {
  log_.warning("request {:016x}: app {}: {}", request, app, line);
}

void AppLog::ended(uint64_t request, std::string_view trouble, const apps::Journey& journey) {
  const auto level = trouble.empty() ? base::LogLevel::kDebug : base::LogLevel::kError;
  if (!log_.shows(level)) return;
  log_.write(level,
             fmt::format("request {:016x}: app {}: {}\n{}", request, journey.app,
                         trouble.empty() ? "done" : trouble, fmt::join(apps::to_lines(journey), "\n")));
}

}  // namespace remuda::cli
