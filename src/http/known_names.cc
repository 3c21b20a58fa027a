// SPDX-License-Identifier: Apache-2.0
//
// The table behind known_names.h. Length, first, middle and last octet of every known name make a number; the
// multiplier spreads those numbers over 256 slots without a collision, which the compiler checks.
#include "http/known_names.h"

#include <array>
#include <cstring>

namespace remuda::http {

namespace {

constexpr std::array<std::string_view, kKnownNames> kNames{
    "",
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Ranges",
    "Age",
    "Allow",
    "Alt-Svc",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Cookie",
    "Date",
    "ETag",
    "Expect",
    "Expires",
    "Forwarded",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Last-Modified",
    "Link",
    "Location",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Priority",
    "Proxy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Referer",
    "Retry-After",
    "Server",
    "Set-Cookie",
    "Status",
    "Strict-Transport-Security",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "Vary",
    "Via",
    "WWW-Authenticate",
    "X-Content-Type-Options",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Request-Id",
    "X-Sendfile",
};

constexpr detail::NameTable make_table() {
  detail::NameTable table{};
  for (size_t i = 1; i < kKnownNames; ++i) {
    table.slots[detail::name_slot(kNames[i])] = {static_cast<uint8_t>(kNames[i].size()),
                                                 static_cast<uint8_t>(i)};
    for (size_t at = 0; at < kNames[i].size(); ++at) {
      const char c = kNames[i][at];
      table.lower[i][at] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
  }
  return table;
}

constexpr size_t filled_slots(const detail::NameTable& table) {
  size_t filled = 0;
  for (const auto& slot : table.slots) filled += slot.length == 0 ? 0 : 1;
  return filled;
}

static_assert(filled_slots(make_table()) == kKnownNames - 1,
              "two names share a slot: look for another multiplier");

template <typename Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Whether the octets at `sent` are those at `lower` but for the case of letters. Bit 0x40 is set in letters
// and clear in "-" and digits: only where it is set may the sender have left bit 0x20 out.
template <typename Word>
bool same(const char* sent, const char* lower) {
  constexpr Word kCaseBits = static_cast<Word>(0x2020202020202020U);
  const Word expected = load<Word>(lower);
  const Word letters = static_cast<Word>(static_cast<Word>(expected >> 1) & kCaseBits);
  return static_cast<Word>(load<Word>(sent) | letters) == expected;
}

}  // namespace

namespace detail {

constinit const NameTable kNameTable = make_table();

// The first and last octets of the name in overlapping words, the middle in words between them. `lower` has
// as many.
bool is_same_name(std::string_view name, const char* lower) {
  const char* const sent = name.data();
  const size_t size = name.size();
  if (size >= 8) {
    if (!same<uint64_t>(sent, lower) || !same<uint64_t>(sent + size - 8, lower + size - 8)) return false;
    for (size_t at = 8; at + 8 < size; at += 8) {
      if (!same<uint64_t>(sent + at, lower + at)) return false;
    }
    return true;
  }
  if (size >= 4) {
    return same<uint32_t>(sent, lower) && same<uint32_t>(sent + size - 4, lower + size - 4);
  }
  return size >= 2 && same<uint16_t>(sent, lower) && same<uint16_t>(sent + size - 2, lower + size - 2);
}

}  // namespace detail

std::string_view canonical_name(KnownName name) { return kNames[static_cast<size_t>(name)]; }

}  // namespace remuda::http
