// SPDX-License-Identifier: Apache-2.0
//
// The plan of a running server out of its configuration: what the supervisor, the workers and the spawner are
// told. Pure translation; opens nothing but what SharedParts opens.
#pragma once

#include <memory>
#include <vector>

#include "cli/shared_parts.h"
#include "server/supervisor.h"
#include "server/worker.h"
#include "spawner/spawner.h"

namespace remuda::cli {

// `open_files`: the limit that is in force, which bounds the connections of each loop.
server::WorkerPlan worker_plan(const std::shared_ptr<SharedParts>& shared, uint64_t open_files);

// One for each application, in their order; empty if there is none to be started.
std::vector<spawner::AppRules> spawner_rules(const config::Config& config);

// The log files that workers write to, for the supervisor to make them.
std::vector<std::string> log_files(const config::Log& log);

base::LogOptions error_log_options(const config::Log& log, const char* process, base::LogDelivery delivery);

}  // namespace remuda::cli
