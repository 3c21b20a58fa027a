// SPDX-License-Identifier: Apache-2.0
//
// AppLog: what applications say on standard error, and the journeys of those that failed, as lines of the
// error log under their request's id. On the loop; the log itself does not wait.
#pragma once

#include "base/log.h"
#include "gateway/app_handler.h"

namespace remuda::cli {

class AppLog final : public gateway::AppLog {
 public:
  explicit AppLog(base::Log& log) : log_(log) {}

  void error_line(uint64_t request, std::string_view app, std::string_view line) override;
  void ended(uint64_t request, std::string_view trouble, const apps::Journey& journey) override;

 private:
  base::Log& log_;
};

}  // namespace remuda::cli
