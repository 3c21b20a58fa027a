// SPDX-License-Identifier: Apache-2.0
//
// RespondHandler: answers every request with one status: an error page for 4xx and 5xx, a body from the
// options for others, or none.
#pragma once

#include <string>

#include "content/error_page.h"
#include "http/handler.h"

namespace remuda::content {

struct RespondOptions {
  int status = 404;  // 200..599
  std::string body;  // if not empty it is the content, whatever the status
  std::string content_type = "text/plain; charset=utf-8";
};

class RespondHandler final : public http::Handler {
 public:
  RespondHandler(RespondOptions options, const ErrorPages& errors);
  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  RespondOptions options_;
  const ErrorPages& errors_;
};

}  // namespace remuda::content
