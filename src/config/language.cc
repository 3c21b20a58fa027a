// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "config/language.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace remuda::config {
namespace {

constexpr std::array kLanguages{
    Language{.type = AppType::kWsgi,
             .interface = "WSGI",
             .loader = "python/remuda_wsgi.py",
             .interpreter = "/usr/bin/python3",
             .entry_points = "manage.py, wsgi.py or app.py",
             .entry_point = "\"MODULE:CALLABLE\" or \"FILE\""},
    Language{.type = AppType::kRack,
             .interface = "Rack",
             .loader = "ruby/remuda_rack.rb",
             .interpreter = "/usr/bin/ruby",
             .entry_points = "config.ru or config/environment.rb",
             .entry_point = "\"FILE\""},
    Language{.type = AppType::kPsgi,
             .interface = "PSGI",
             .loader = "perl/remuda_psgi.pl",
             .interpreter = "/usr/bin/perl",
             .entry_points = "app.psgi",
             .entry_point = "\"FILE\""},
    Language{.type = AppType::kHttp,
             .interface = "Node.js",
             .loader = "node/remuda_http.cjs",
             .interpreter = "/usr/bin/node",
             .entry_points = {},
             .entry_point = {}},
};

}  // namespace

const Language& language_of(AppType type) {
  const auto* const found = std::ranges::find(kLanguages, type, &Language::type);
  CHECK(found != kLanguages.end());
  return *found;
}

std::string php_program(const Config& config) { return config.server.loaders.text + "/php/remuda-php"; }

}  // namespace remuda::config
