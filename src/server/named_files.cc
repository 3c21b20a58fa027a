// SPDX-License-Identifier: Apache-2.0
//
// See the header. The request is changed while the files answer, and is then as it was.
#include "server/named_files.h"

#include "http/target.h"

namespace remuda::server {

namespace {

// No name of an application goes up, or stands still.
bool has_dot_segment(std::string_view name) {
  while (!name.empty()) {
    const size_t slash = name.find('/');
    const std::string_view segment = name.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    name = slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
  }
  return false;
}

// A directory, say, whose redirect would tell the name.
bool is_of_a_file(int status) { return status == 200 || status == 206 || status == 304 || status >= 400; }

}  // namespace

NamedFiles::NamedFiles(std::vector<Root> roots) : roots_(std::move(roots)) {
  for (Root& root : roots_) {
    while (root.path.ends_with('/')) root.path.pop_back();
  }
}

std::optional<NamedFiles::Found> NamedFiles::find(std::string_view app, std::string_view name) const {
  if (has_dot_segment(name)) return std::nullopt;
  for (const Root& root : roots_) {
    if (root.app == app && name.starts_with(root.path) && name.substr(root.path.size()).starts_with('/'))
      return Found{root.files.get(), name.substr(root.path.size())};
  }
  return std::nullopt;
}

loop::Task<bool> NamedFiles::send(http::Exchange& exchange, std::string_view name) const {
  const auto found = find(exchange.response.file_of, name);
  if (!found) co_return false;
  http::Request& request = exchange.request;
  const std::string_view method = request.method;
  const std::string_view raw_path = request.raw_path;
  const std::string_view handled_by = exchange.handled_by;
  if (method != "GET" && method != "HEAD") {
    request.method = "GET";
    http::remove_conditions(request.fields);  // they are for GET and HEAD alone
  }
  request.raw_path = http::encode_path(found->below, exchange.arena);
  co_await found->files->handle(exchange);
  request.method = method;
  request.raw_path = raw_path;
  exchange.handled_by = handled_by;
  http::Response& response = exchange.response;
  if (!is_of_a_file(response.status)) {
    response.fields.clear();
    response.status = 404;
    exchange.trouble = "the application named a directory";
  }
  co_return true;
}

}  // namespace remuda::server
