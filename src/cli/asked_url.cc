// SPDX-License-Identifier: Apache-2.0
//
// Host, path and target.
#include "cli/asked_url.h"

#include <fmt/format.h>

#include <array>

#include "base/arena.h"
#include "http/target.h"

namespace remuda::cli {

std::expected<AskedUrl, std::string> parse_asked_url(std::string_view url, const config::Config& config) {
  AskedUrl asked;
  asked.host = config.listeners.front().address.host;
  if (config.listeners.front().address.family == config::Address::Family::kUnix) asked.host = "localhost";
  std::string_view rest = url.substr(0, url.find('#'));
  if (const size_t scheme = rest.find("://"); scheme != std::string_view::npos && scheme < rest.find('/')) {
    rest.remove_prefix(scheme + 3);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    asked.host = rest.substr(0, end);
    rest.remove_prefix(end);
    if (!http::is_valid_authority(asked.host)) {
      return std::unexpected(fmt::format("\"{}\" is not a host; the server answers 400", asked.host));
    }
  } else if (!rest.starts_with('/')) {
    return std::unexpected(fmt::format("\"{}\" is not a URL; write \"http://{}\" or \"/{}\"", url, url, url));
  }
  asked.target = rest.starts_with('/') ? std::string(rest) : fmt::format("/{}", rest);
  const std::string_view path = std::string_view(asked.target).substr(0, asked.target.find('?'));
  std::array<std::byte, 4096> memory;
  base::Arena arena(memory);
  const auto decoded = http::decode_path(path, http::EncodedSlash::kKeep, arena);
  if (!decoded) return std::unexpected(fmt::format("the server answers 400: {}", decoded.error().what));
  asked.path = decoded->path;
  asked.encoded_slash = decoded->encoded_slash;
  return asked;
}

}  // namespace remuda::cli
