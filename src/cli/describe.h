// SPDX-License-Identifier: Apache-2.0
//
// Sentences about a configuration, for `remuda explain` and for what `remuda serve` says when it starts.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace remuda::cli {

// What a route matches: "example.org /git/ GET, POST".
std::string describe_match(const config::Route& route);

// What it does: "files of /site/public", "application git: /usr/lib/git-core/git-http-backend (cgi, exec)".
std::string describe_action(const config::Config& config, const config::Route& route);

// One line for each route, in their order: "/cgi-bin/  application cgi-bin: programs in /site/cgi-bin (cgi,
// exec)".
std::vector<std::string> describe_routes(const config::Config& config);

// "event driven: 1 process, 4 event loops, 20000 connections in each".
std::string describe_workers(const config::Workers& workers);

// Where no application has this name: "there is no application blgo; did you mean "blog"?".
std::string no_such_app(const config::Config& config, std::string_view name);

// The words of the configuration: "cgi", "fork".
std::string_view word_of(config::AppType type);
std::string_view word_of(config::AppModel model);

}  // namespace remuda::cli
