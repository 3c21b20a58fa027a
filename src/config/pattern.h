// SPDX-License-Identifier: Apache-2.0
//
// What a route's path and host mean: matching, and whether one pattern covers all that another would match.
//
// Here, below the router, so that the check of unreachable routes and the matching of requests are one code.
// Pure; matching does not allocate. Paths are compared after percent-decoding and removal of dot segments.
//
//   "/a/" or "/a"   /a, /a/ and everything below it, in whole segments; mounted at "/a"
//   "/"             everything; mounted at ""
//   "=/a/b"         exactly /a/b; mounted at "/a"
//   "/a/*.png"      the whole path, "*" for any characters, "/" too; mounted at the last "/" before the first
//   "*"
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remuda::config {

class PathPattern {
 public:
  explicit PathPattern(std::string_view text);

  // The length of the mount point: the rest of the path begins with "/" or is empty. Nothing if it does not
  // match.
  std::optional<size_t> match(std::string_view path) const;
  // That head of every path that matches: "/a", or "" for everything.
  std::string_view mount() const { return std::string_view(text_).substr(0, mount_); }
  // Whether every path that `other` matches is matched by this one, as far as that can be told from the
  // patterns.
  bool covers(const PathPattern& other) const;

 private:
  enum class Kind : uint8_t { kPrefix, kExact, kGlob };
  std::string_view literal_head() const;

  Kind kind_ = Kind::kPrefix;
  std::string text_;
  size_t mount_ = 0;
};

// The name in a Host field or authority: without port and without trailing dot. Case is left as it is.
std::string_view host_name(std::string_view host_and_port);

// Whether the name (as host_name gives it, any case) is the pattern (lower case), or for "*.example.org"
// below it.
bool host_matches(std::string_view pattern, std::string_view name);
bool host_covers(std::string_view pattern, std::string_view other);

}  // namespace remuda::config
