// SPDX-License-Identifier: Apache-2.0
//
// Most paths need nothing done to them and are recognised in one pass; the others are rewritten into the
// arena, first decoded, then without dot segments and empty segments, in place.
#include "http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/ascii.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace remuda::http {

namespace {

// Whether decoding and normalising would leave the path as it is: no "%", NUL, "//" and "/.".
bool is_plain_octets(std::string_view path, bool& after_slash) {
  for (const char c : path) {
    if (c == '%' || c == '\0' || (after_slash && (c == '/' || c == '.'))) return false;
    after_slash = c == '/';
  }
  return true;
}

bool is_plain(std::string_view path) {
  bool after_slash = false;
#ifdef __SSE2__
  for (; path.size() >= 16; path.remove_prefix(16)) {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(path.data()));
    const auto where = [octets](char c) {
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(octets, _mm_set1_epi8(c))));
    };
    const unsigned slashes = where('/');
    const unsigned after_slashes = slashes << 1 | (after_slash ? 1 : 0);
    if ((where('%') | where('\0') | (after_slashes & (slashes | where('.')))) != 0) return false;
    after_slash = (slashes & 0x8000) != 0;
  }
#endif
  return is_plain_octets(path, after_slash);
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

constexpr std::array<bool, 256> make_host_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c)
    table[c] = base::is_letter(static_cast<char>(c)) || base::is_digit(static_cast<char>(c));
  for (const char c : {'-', '.', '_', '~'}) table[c] = true;
  return table;
}
constexpr std::array<bool, 256> kHostChars = make_host_table();

// The end of the name at the beginning of `text`.
size_t name_end(std::string_view text) {
  const char* at = text.data();
  for (const char* const end = at + text.size(); at != end && kHostChars[static_cast<unsigned char>(*at)];)
    ++at;
  return at - text.data();
}

// Kept out of its caller, which would otherwise guard this buffer on the stack for every request.
[[gnu::noinline]] bool is_ipv6_in_brackets(std::string_view host) {
  char text[INET6_ADDRSTRLEN] = {};
  if (!host.ends_with(']') || host.size() < 4 || host.size() - 2 >= sizeof text) return false;
  const std::string_view inside = host.substr(1, host.size() - 2);
  if (inside.find('\0') != std::string_view::npos) return false;
  std::memcpy(text, inside.data(), inside.size());
  in6_addr address;
  return ::inet_pton(AF_INET6, text, &address) == 1;
}

bool take_port(std::string_view digits, std::optional<uint16_t>& port) {
  if (digits.size() > 5) return false;
  uint32_t number = 0;
  for (const char c : digits) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return false;
    number = number * 10 + digit;
  }
  if (number > UINT16_MAX) return false;
  if (!digits.empty()) port = static_cast<uint16_t>(number);
  return true;
}

// Host and port as they stand; false if that is not what it is.
bool split_authority(std::string_view authority, Authority& parts) {
  size_t host_end = name_end(authority);
  if (authority.starts_with('[')) {
    host_end = std::min(authority.find(']'), authority.size() - 1) + 1;
    if (!is_ipv6_in_brackets(authority.substr(0, host_end))) return false;
  } else if (host_end == 0 || authority.front() == '.') {
    return false;
  }
  parts.host = authority.substr(0, host_end);
  if (host_end == authority.size()) return true;
  return authority[host_end] == ':' && take_port(authority.substr(host_end + 1), parts.port);
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

bool is_valid_authority(std::string_view authority) {
  Authority parts;
  return split_authority(authority, parts);
}

base::Result<Authority> parse_authority(std::string_view authority, base::Arena& arena) {
  Authority parts;
  if (!split_authority(authority, parts)) return base::failure(EINVAL, "not a host with or without a port");
  if (parts.host.ends_with('.')) parts.host.remove_suffix(1);
  if (std::ranges::any_of(parts.host, [](char c) { return base::to_lower(c) != c; })) {
    auto* const room = static_cast<char*>(arena.allocate(parts.host.size(), 1));
    std::ranges::transform(parts.host, room, base::to_lower);
    parts.host = {room, parts.host.size()};
  }
  return parts;
}

}  // namespace remuda::http
