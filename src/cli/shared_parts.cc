// SPDX-License-Identifier: Apache-2.0
//
// Configuration in, the floors' own options out.
#include "cli/shared_parts.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "cli/app_options.h"

namespace remuda::cli {

namespace {

content::Listing to_content(config::Listing listing) {
  switch (listing) {
    case config::Listing::kOff: return content::Listing::kOff;
    case config::Listing::kHtml: return content::Listing::kHtml;
    case config::Listing::kJson: return content::Listing::kJson;
    case config::Listing::kAuto: return content::Listing::kAuto;
  }
  return content::Listing::kOff;
}

content::FileOptions file_options(const config::Route& route) {
  const config::Files& files = route.files;
  return {.root = files.root.text,
          .prefix = mount_of(route) + "/",
          .index = files.index,
          .listing = to_content(files.listing),
          .fallback = files.fallback,
          .cache_control = files.cache_control,
          .dotfiles = files.dotfiles == config::Dotfiles::kServe ? content::Dotfiles::kServe
                                                                 : content::Dotfiles::kHide,
          .precompressed = files.precompressed ? content::Precompressed::kOn : content::Precompressed::kOff,
          .resolution = content::Resolution::kKernel};
}

// Whatever the application names is served as it is.
content::FileOptions named_file_options(const std::string& root) {
  return {.root = root,
          .prefix = "/",
          .index = {},
          .listing = content::Listing::kOff,
          .fallback = {},
          .cache_control = {},
          .dotfiles = content::Dotfiles::kServe,
          .precompressed = content::Precompressed::kOff,
          .resolution = content::Resolution::kKernel};
}

// The site's own pages: NNN.html in the configured directory.
content::ErrorPageOptions page_options(const config::Server& server) {
  content::ErrorPageOptions options;
  options.detail = server.dev ? content::Detail::kShow : content::Detail::kHide;
  if (server.error_pages.empty()) return options;
  for (int status = 400; status < 600; ++status) {
    std::ifstream file(fmt::format("{}/{}.html", server.error_pages.text, status));
    if (!file) continue;
    std::ostringstream text;
    text << file.rdbuf();
    options.pages[status] = text.str();
  }
  return options;
}

}  // namespace

SharedParts::SharedParts(const config::Config& its_config)
    : config(its_config),
      router(its_config.routes),
      pages(page_options(its_config.server)),
      types(content::MimeTypes::load()),
      apps(its_config) {}

namespace {

std::string cannot_serve(const config::Origin& origin, const std::string& path, const base::Error& error) {
  return fmt::format("{}: cannot serve the directory {}: {}", to_string(origin), path,
                     base::to_string(error));
}

std::expected<void, std::string> open_sites(SharedParts& parts) {
  const config::Config& config = parts.config;
  for (const config::Route& route : config.routes) {
    parts.sites.emplace_back();
    if (route.action != config::Action::kFiles && !route.files_first()) continue;
    content::FileOptions options = file_options(route);
    if (route.files_first())
      options.index =
          server::FilesFirst::plain_index(options.index, script_names(config.apps[route.app_index]));
    auto site = content::FileSite::open(options, parts.types, config.limits.cached_file.count);
    if (!site) return std::unexpected(cannot_serve(route.origin, route.files.root.text, site.error()));
    parts.sites.back() = std::move(*site);
  }
  return {};
}

std::expected<void, std::string> open_sendfile_sites(SharedParts& parts) {
  for (const config::App& app : parts.config.apps) {
    auto& sites = parts.sendfile_sites.emplace_back();
    for (const config::Path& root : app.sendfile_roots) {
      auto site = content::FileSite::open(named_file_options(root.text), parts.types,
                                          parts.config.limits.cached_file.count);
      if (!site) return std::unexpected(cannot_serve(app.origin, root.text, site.error()));
      sites.push_back(std::move(*site));
    }
  }
  return {};
}

}  // namespace

std::expected<std::shared_ptr<SharedParts>, std::string> make_shared_parts(const config::Config& config) {
  auto parts = std::make_shared<SharedParts>(config);
  if (const auto opened = open_sites(*parts); !opened) return std::unexpected(opened.error());
  if (const auto opened = open_sendfile_sites(*parts); !opened) return std::unexpected(opened.error());
  return parts;
}

}  // namespace remuda::cli
