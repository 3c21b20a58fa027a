// SPDX-License-Identifier: Apache-2.0
//
// SharedParts: what all loops of a process use and none changes: routes, sites of files, media types, error
// pages, and what applications share, which locks by itself. Made in the supervisor before it
// forks, so every worker has its own copy without having to read anything.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "cli/shared_apps.h"
#include "config/config.h"
#include "content/error_page.h"
#include "content/file_options.h"
#include "content/mime_types.h"
#include "server/figures.h"
#include "server/router.h"

namespace remuda::cli {

struct SharedParts {
  explicit SharedParts(const config::Config& its_config);

  const config::Config& config;
  server::Router router;
  content::ErrorPages pages;
  std::shared_ptr<const content::MimeTypes> types;
  std::vector<std::shared_ptr<const content::FileSite>>
      sites;  // one for each route; null unless it serves files
  // One for each application: what it may send by naming it (X-Sendfile), one for each of its sendfile_roots.
  std::vector<std::vector<std::shared_ptr<const content::FileSite>>> sendfile_sites;
  SharedApps apps;
  server::Figures figures;
};

// The error is a sentence for a person. `config` outlives the result.
std::expected<std::shared_ptr<SharedParts>, std::string> make_shared_parts(const config::Config& config);

}  // namespace remuda::cli
