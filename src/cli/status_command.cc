// SPDX-License-Identifier: Apache-2.0
//
// `remuda status`: what all workers say, as text, JSON or metrics.
#include "admin/json.h"
#include "admin/metrics.h"
#include "cli/live_commands.h"
#include "cli/status_text.h"

namespace remuda::cli {

int status_command(const Reach& reach, const StatusWish& wish, const Terminal& terminal) {
  const auto server = LiveServer::find(reach);
  if (!server) return report("status", {ENOENT, server.error()}, terminal);
  const auto gathered = server->gather(wish.app);
  if (!gathered) return report("status", gathered.error(), terminal);
  const admin::Snapshot& snapshot = gathered->snapshot;
  for (const std::string& silent : gathered->silent)
    terminal.complain("remuda status: a worker is missing here: " + silent);
  switch (wish.form) {
    case StatusForm::kJson: terminal.print(admin::to_json(snapshot)); break;
    case StatusForm::kMetrics: terminal.print(admin::metrics_text(snapshot)); break;
    case StatusForm::kText:
      terminal.print(status_text(snapshot, wish.app.empty() ? StatusDetail::kOverview : StatusDetail::kAll));
      break;
  }
  return kSuccess;
}

}  // namespace remuda::cli
