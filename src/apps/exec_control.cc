// SPDX-License-Identifier: Apache-2.0
//
// A process of its own for each request: whatever changed on disk is what the next one runs.
#include "apps/exec_control.h"

namespace remuda::apps {

namespace {

constexpr std::chrono::seconds kAnswerTime{1};

base::Result<void> no_peers() { return base::failure(ENOTSUP, "there are no peers"); }

}  // namespace

loop::Task<AppStatus> ExecControl::status() {
  AppStatus status{.name = app_.options.name, .type = app_.options.type, .model = app_.options.model};
  status.requests = app_.requests;
  status.failures = app_.failures;
  status.starts = app_.starts;
  status.failed_starts = app_.failed_starts;
  status.queue = app_.admission.status(home_.now());
  status.live = co_await app_.board.live(home_, home_.now() + kAnswerTime);
  co_return status;
}

loop::Task<RestartReport> ExecControl::restart() {
  RestartReport report{.succeeded = true};
  report.lines.emplace_back("nothing to restart: each request runs a new process");
  co_return report;
}

base::Result<void> ExecControl::end_instance(pid_t) {
  return base::failure(ENOTSUP, "there are no instances; end the request");
}

loop::Task<base::Result<void>> ExecControl::end_request(uint64_t request) {
  return app_.board.end(home_, request, home_.now() + kAnswerTime);
}

base::Result<void> ExecControl::add_peer(std::string_view) { return no_peers(); }
base::Result<void> ExecControl::drain_peer(std::string_view) { return no_peers(); }
base::Result<void> ExecControl::restore_peer(std::string_view) { return no_peers(); }
base::Result<void> ExecControl::remove_peer(std::string_view) { return no_peers(); }

}  // namespace remuda::apps
