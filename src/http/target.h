// SPDX-License-Identifier: Apache-2.0
//
// Targets: the one place where a request's path is decoded and its authority taken apart (RFC 3986 sections
// 2.1, 5.2.4, 6.2; RFC 9110 section 7.2).
//
// Router, files and applications all use the one decoded path, so that no two of them can read a request
// differently. Results are views into the input where nothing had to change, else into the arena. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace remuda::http {

// What "%2F" becomes.
enum class EncodedSlash : uint8_t {
  kRefuse,  // the path is refused (EPERM)
  kDecode,  // "/", before dot segments are removed: it separates like any other
  kKeep,    // "%2F", three octets that separate nothing
};

struct DecodedPath {
  std::string_view path;       // begins with "/"; no empty, "." or ".." segment; may hold any octet but NUL
  bool encoded_slash = false;  // there was one
};

// Decodes percent-encoding once, merges repeated slashes, and removes dot segments. A slash at the end stays;
// "/a/." and "/a/b/.." end in one.
//
//   EILSEQ  "%" without two hexadecimal digits
//   EINVAL  NUL, or the path does not begin with "/"
//   EACCES  ".." leads above the root
//   EPERM   an encoded slash, with kRefuse
base::Result<DecodedPath> decode_path(std::string_view raw_path, EncodedSlash policy, base::Arena& arena);

// The opposite, for Location and links: everything but unreserved characters and "/:@!$&'()*+,;=" is encoded;
// of several slashes at the beginning one is left, so that it can never be read as another host.
std::string_view encode_path(std::string_view path, base::Arena& arena);

struct Authority {
  std::string_view host;  // lower case, without port and without a dot at the end; IPv6 in its brackets
  std::optional<uint16_t> port;  // none if it is absent or empty
};

// Host [":" port], where the host is of letters, digits, "-._~", an IPv4 address, or an IPv6 address in
// brackets, and may not be empty. EINVAL for anything else: user information, commas, percent-encoding, ports
// above 65535. Stricter than RFC 3986 on purpose: no name in use needs more, and this one travels into
// redirects and programs.
base::Result<Authority> parse_authority(std::string_view authority, base::Arena& arena);

// Whether parse_authority would take it. Does not allocate.
bool is_valid_authority(std::string_view authority);

}  // namespace remuda::http
