// SPDX-License-Identifier: Apache-2.0
//
// Most paths need nothing done to them and are recognised in one pass; the others are rewritten into the
// arena, first decoded, then without dot segments and empty segments, in place.
#include "http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/ascii.h"

namespace remuda::http {

namespace {

// Whether decoding and normalising would leave the path as it is: no "%", NUL, "//" and "/.".
bool is_plain(std::string_view path) {
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == '\0' || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

struct Decoded {
  char octet;
  bool was_encoded;
};

// Takes one octet, "%XX" or plain, off `text`.
base::Result<Decoded> take_octet(std::string_view& text) {
  Decoded decoded{text.front(), false};
  if (decoded.octet != '%') {
    text.remove_prefix(1);
  } else {
    const int high = text.size() < 3 ? -1 : base::hex_value(text[1]);
    const int low = text.size() < 3 ? -1 : base::hex_value(text[2]);
    if (high < 0 || low < 0)
      return base::failure(EILSEQ, "a percent sign without two hexadecimal digits in the path");
    decoded = {static_cast<char>(high << 4 | low), true};
    text.remove_prefix(3);
  }
  if (decoded.octet == '\0') return base::failure(EINVAL, "NUL in the path");
  return decoded;
}

// Writes the decoded path to `to`, which has room for raw_path.size() octets; returns how many there are.
base::Result<size_t> decode(std::string_view raw_path, EncodedSlash policy, char* to, bool& encoded_slash) {
  char* at = to;
  while (!raw_path.empty()) {
    const std::string_view here = raw_path;
    const auto decoded = take_octet(raw_path);
    if (!decoded) return std::unexpected(decoded.error());
    if (decoded->was_encoded && decoded->octet == '/') {
      encoded_slash = true;
      if (policy == EncodedSlash::kRefuse) return base::failure(EPERM, "an encoded slash in the path");
      if (policy == EncodedSlash::kKeep) {
        std::memcpy(at, here.data(), 3);
        at += 3;
        continue;
      }
    }
    *at++ = decoded->octet;
  }
  return at - to;
}

// Removes empty, "." and ".." segments from path[0, size), which begins with "/", in place. The new size.
base::Result<size_t> normalise(char* path, size_t size) {
  size_t written = 0;  // path[0, written) is "" or "/segment/segment...", without a slash at the end
  size_t at = 0;
  bool ends_in_slash = false;
  while (at < size) {
    const size_t begin = at + 1;  // path[at] is "/"
    const size_t end = std::min(std::string_view(path, size).find('/', begin), size);
    const std::string_view segment(path + begin, end - begin);
    ends_in_slash = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (written == 0) return base::failure(EACCES, "the path leads above the root");
      written = std::string_view(path, written).rfind('/');
    } else if (!ends_in_slash) {
      std::memmove(path + written, path + at, end - at);
      written += end - at;
    }
    at = end;
  }
  if (ends_in_slash) path[written++] = '/';
  return written;
}

bool stays_in_path(char c) {
  constexpr std::string_view kMarks = "-._~/:@!$&'()*+,;=";
  return base::is_digit(c) || base::is_letter(c) || kMarks.find(c) != std::string_view::npos;
}

bool is_host_char(char c) {
  return base::is_letter(c) || base::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool is_name(std::string_view host) {
  if (host.empty() || host.front() == '.') return false;
  return std::all_of(host.begin(), host.end(), is_host_char);
}

bool is_ipv6_in_brackets(std::string_view host) {
  char text[INET6_ADDRSTRLEN] = {};
  if (host.size() < 4 || host.size() - 2 >= sizeof text) return false;
  const std::string_view inside = host.substr(1, host.size() - 2);
  if (inside.find('\0') != std::string_view::npos) return false;
  std::memcpy(text, inside.data(), inside.size());
  in6_addr address;
  return ::inet_pton(AF_INET6, text, &address) == 1;
}

bool is_host(std::string_view host) {
  return host.starts_with('[') && host.ends_with(']') ? is_ipv6_in_brackets(host) : is_name(host);
}

bool take_port(std::string_view digits, std::optional<uint16_t>& port) {
  if (digits.size() > 5) return false;
  uint32_t number = 0;
  for (const char c : digits) {
    if (!base::is_digit(c)) return false;
    number = number * 10 + (c - '0');
  }
  if (number > UINT16_MAX) return false;
  if (!digits.empty()) port = static_cast<uint16_t>(number);
  return true;
}

// Host and port as they stand, nothing if that is not what it is.
std::optional<Authority> split_authority(std::string_view authority) {
  Authority parts{authority, std::nullopt};
  const size_t host_end = authority.starts_with('[') ? std::min(authority.find(']'), authority.size()) : 0;
  if (const size_t colon = authority.find(':', host_end); colon != std::string_view::npos) {
    parts.host = authority.substr(0, colon);
    if (!take_port(authority.substr(colon + 1), parts.port)) return std::nullopt;
  }
  if (!is_host(parts.host)) return std::nullopt;
  return parts;
}

}  // namespace

base::Result<DecodedPath> decode_path(std::string_view raw_path, EncodedSlash policy, base::Arena& arena) {
  if (!raw_path.starts_with('/')) return base::failure(EINVAL, "the path does not begin with a slash");
  if (is_plain(raw_path)) return DecodedPath{raw_path};
  DecodedPath result;
  auto* const room = static_cast<char*>(arena.allocate(raw_path.size(), 1));
  const auto decoded = decode(raw_path, policy, room, result.encoded_slash);
  if (!decoded) return std::unexpected(decoded.error());
  const auto size = normalise(room, *decoded);
  if (!size) return std::unexpected(size.error());
  result.path = {room, *size};
  return result;
}

std::string_view encode_path(std::string_view path, base::Arena& arena) {
  while (path.starts_with("//")) path.remove_prefix(1);
  const size_t encoded = std::count_if(path.begin(), path.end(), [](char c) { return !stays_in_path(c); });
  if (encoded == 0) return path;
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const size_t size = path.size() + 2 * encoded;
  auto* const room = static_cast<char*>(arena.allocate(size, 1));
  char* at = room;
  for (const char c : path) {
    if (stays_in_path(c)) {
      *at++ = c;
    } else {
      *at++ = '%';
      *at++ = kDigits[static_cast<unsigned char>(c) >> 4];
      *at++ = kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return {room, size};
}

bool is_valid_authority(std::string_view authority) { return split_authority(authority).has_value(); }

base::Result<Authority> parse_authority(std::string_view authority, base::Arena& arena) {
  auto parts = split_authority(authority);
  if (!parts) return base::failure(EINVAL, "not a host with or without a port");
  if (parts->host.ends_with('.')) parts->host.remove_suffix(1);
  if (std::any_of(parts->host.begin(), parts->host.end(), [](char c) { return base::to_lower(c) != c; })) {
    auto* const room = static_cast<char*>(arena.allocate(parts->host.size(), 1));
    std::transform(parts->host.begin(), parts->host.end(), room, base::to_lower);
    parts->host = {room, parts->host.size()};
  }
  return *parts;
}

}  // namespace remuda::http
