// SPDX-License-Identifier: Apache-2.0
//
// The Location is joined from the options and what is kept of the target, which the codec has cleaned of
// control octets.
#include "content/redirect_handler.h"

#include "base/check.h"
#include "base/html.h"

namespace remuda::content {

namespace {

// Without slashes at the beginning.
std::string_view strip_slashes(std::string_view text) {
  const size_t begin = text.find_first_not_of('/');
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

}  // namespace

RedirectHandler::RedirectHandler(RedirectOptions options) : options_(std::move(options)) {
  CHECK(options_.status >= 300 && options_.status <= 399);
}

loop::Task<void> RedirectHandler::handle(http::Exchange& exchange) {
  const http::Request& request = exchange.request;
  http::Response& response = exchange.response;
  const std::string& to = options_.location;
  std::string_view path;
  if (options_.keep_path == KeepPath::kYes && request.raw_path.starts_with(options_.prefix)) {
    path = strip_slashes(request.raw_path.substr(options_.prefix.size()));
  }
  const std::string_view slash = !path.empty() && !to.ends_with('/') ? "/" : "";
  const bool query = options_.keep_query == KeepQuery::kYes && request.has_query && !to.contains('?');
  const std::string_view location =
      exchange.arena.join(to, slash, path, query ? "?" : "", query ? request.query : std::string_view());
  response.status = options_.status;
  response.fields.add(http::KnownName::kLocation, location);
  response.fields.add(http::KnownName::kContentType, "text/html; charset=utf-8");
  std::string page = "<!doctype html>\n<title>Moved</title>\n<p>This has moved to <a href=\"";
  base::append_html_escaped(page, location);
  page += "\">another address</a>.</p>\n";
  response.content = http::MemoryContent{exchange.arena.copy(page)};
  exchange.handled_by = "redirect";
  co_return;
}

}  // namespace remuda::content
