// SPDX-License-Identifier: Apache-2.0
//
// An application's configuration, in the terms of each floor that has to know of it. Pure translation: what
// is checked has been checked, what is divided among worker processes is divided here.
#pragma once

#include <string>
#include <vector>

#include "apps/exec.h"
#include "apps/pool/options.h"
#include "apps/remote/options.h"
#include "config/config.h"
#include "gateway/app_options.h"
#include "gateway/endpoint_prober.h"
#include "gateway/wire.h"
#include "server/files_first.h"

namespace remuda::cli {

// The part of the request path that a route stands for: "/cgi-bin", "" for everything.
std::string mount_of(const config::Route& route);

gateway::AppOptions app_options(const config::App& app, const config::Route& route);
server::ScriptNames script_names(const config::App& app);
gateway::WireOptions wire_options(const config::App& app);
gateway::ProbeOptions probe_options(const config::App& app);

apps::ExecOptions exec_options(const config::Config& config, size_t app);
apps::Admission::Limits admission_limits(const config::App& app, const config::Workers& workers);
apps::pool::PoolOptions pool_options(const config::Config& config);
apps::pool::GroupOptions group_options(const config::Config& config, size_t app);
apps::remote::FarmOptions farm_options(const config::Config& config, size_t app);

}  // namespace remuda::cli
