// SPDX-License-Identifier: Apache-2.0
//
// The configuration of a private server: one application under one model, everything else as it is, and
// nothing shared with a server that runs. Pure, but for what the check asks the machine.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/machine.h"

namespace remuda::cli::advise {

// The models that this version runs applications of this kind under, and that start something here.
std::vector<config::AppModel> models_of(const config::App& app);

// Keeps the application, its routes without their guards, and the routes that are no application's: those an
// answer may point to. One worker that listens on `directory`/http alone; logs and sockets of its own in
// `directory`. The error is what the check says of it.
std::expected<config::Config, std::string> private_config(
    config::Config config, size_t app, config::AppModel model, const std::string& directory,
    const config::Machine& machine = config::this_machine());

// Where a server of that configuration listens.
std::string listening_socket(const std::string& directory);
std::string error_log(const std::string& directory);

}  // namespace remuda::cli::advise
