// SPDX-License-Identifier: Apache-2.0
//
// One status for everybody. The content is the options' own: the handler outlives its exchanges.
#include "content/respond_handler.h"

#include <utility>

#include "http/status.h"

namespace remuda::content {

RespondHandler::RespondHandler(RespondOptions options, const ErrorPages& errors)
    : options_(std::move(options)), errors_(errors) {}

loop::Task<void> RespondHandler::handle(http::Exchange& exchange) {
  http::Response& response = exchange.response;
  exchange.handled_by = "respond";
  if (options_.body.empty() && options_.status >= 400) {
    errors_.answer(exchange, options_.status);
    co_return;
  }
  response.status = options_.status;
  if (options_.body.empty() || !http::status_has_content(options_.status)) co_return;
  response.fields.add(http::KnownName::kContentType, options_.content_type);
  response.content = http::MemoryContent{options_.body};
}

}  // namespace remuda::content
