// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "server/files_first.h"

#include <algorithm>

#include "base/check.h"
#include "http/target.h"

namespace remuda::server {

namespace {

// Whether any component of the path could be a script.
bool names_script(std::string_view path, const ScriptNames& scripts) {
  if (scripts.suffixes.empty()) return scripts.looked_up;
  return std::ranges::any_of(scripts.suffixes, [path](const std::string& suffix) {
    for (size_t at = path.find(suffix); at != std::string_view::npos; at = path.find(suffix, at + 1)) {
      const std::string_view behind = path.substr(at + suffix.size());
      if (behind.empty() || behind.front() == '/') return true;
    }
    return false;
  });
}

}  // namespace

FilesFirst::FilesFirst(std::unique_ptr<content::FileHandler> files,
                       std::unique_ptr<http::Handler> application, ScriptNames scripts)
    : files_(std::move(files)), application_(std::move(application)), scripts_(std::move(scripts)) {
  const auto& index = files_->options().index;
  CHECK(plain_index(index, scripts_).size() == index.size());
}

std::vector<std::string> FilesFirst::plain_index(const std::vector<std::string>& index,
                                                 const ScriptNames& scripts) {
  std::vector<std::string> plain;
  std::ranges::copy_if(index, std::back_inserter(plain),
                       [&](const std::string& name) { return !names_script(name, scripts); });
  return plain;
}

bool FilesFirst::may_be_file(http::Exchange& exchange) const {
  const std::string_view method = exchange.request.method;
  if (method != "GET" && method != "HEAD") return false;
  const auto decoded =
      http::decode_path(exchange.request.raw_path, http::EncodedSlash::kKeep, exchange.arena);
  return decoded && !decoded->encoded_slash && !names_script(decoded->path, scripts_);
}

loop::Task<void> FilesFirst::handle(http::Exchange& exchange) {
  if (may_be_file(exchange) && co_await files_->offer(exchange)) {
    exchange.handled_by = "files";
    co_return;
  }
  co_await application_->handle(exchange);
}

}  // namespace remuda::server
