// SPDX-License-Identifier: Apache-2.0
//
// Filter: what another handler (files, above all) would have sent goes through an application of that role
// (FastCGI 1.0 section 6.4), whose answer is the client's.
//
// Only a whole content with status 200 is filtered; redirects, errors and other methods pass as they are. The
// handler is asked for the plain file: conditions, ranges and codings of the request are not for it, since
// its validators and lengths say nothing of what the filter makes of it, and none of its fields reach the
// client. The application sees the request as it came, with FCGI_DATA_LENGTH and FCGI_DATA_LAST_MOD.
//
// One for each route and loop.
#pragma once

#include <memory>
#include <string>

#include "gateway/app_options.h"
#include "gateway/application.h"
#include "http/handler.h"

namespace remuda::gateway {

class Filter final : public http::Handler {
 public:
  // `files_root`: DOCUMENT_ROOT, and what PATH_TRANSLATED lies below.
  Filter(Application application, AppOptions options, std::string files_root,
         std::unique_ptr<http::Handler> source);

  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  loop::Task<void> filter(http::Exchange& exchange);

  const Application application_;
  const AppOptions options_;
  const std::string files_root_;
  const std::string label_;  // "filter markdown"
  std::unique_ptr<http::Handler> source_;
};

}  // namespace remuda::gateway
