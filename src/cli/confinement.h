// SPDX-License-Identifier: Apache-2.0
//
// How an application is kept apart: as the spawner wants it, and in words. What belongs to whom is worked out
// here, where all applications are known. Pure but for the links of the file system, which are followed.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "spawner/spawner.h"

namespace remuda::cli {

spawner::ConfinementRules confinement_rules(const config::Config& config, const config::App& app);

// Whether its processes give up new privileges: asked for, or what the filter takes where the server is not
// root.
spawner::Privileges privileges_of(const config::App& app);

// Those of the server's own environment that it is to get, "NAME=value".
std::vector<std::string> passed_environment(const config::App& app);

// Lines for a person; empty: it is not kept apart.
std::vector<std::string> describe_confinement(const config::App& app);

}  // namespace remuda::cli
