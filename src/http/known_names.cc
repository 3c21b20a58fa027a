// SPDX-License-Identifier: Apache-2.0
//
// The table behind known_names.h. Length, first, middle and last octet of every known name make a number; the
// multiplier kMultiplier spreads those numbers over 256 slots without a collision, which the compiler checks.
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

constexpr uint32_t kMultiplier = 0xe6abb9d5;
constexpr size_t kSlots = 256;
constexpr size_t kShortest = 2;
constexpr size_t kLongest = 32;

// Or-ing 0x20 makes a letter lower and leaves "-" as it is; what it does to other octets the comparison
// undoes.
constexpr uint32_t fold(char c) { return static_cast<unsigned char>(c) | 0x20U; }

constexpr uint32_t slot_of(std::string_view name) {
  const uint32_t key = static_cast<uint32_t>(name.size()) | fold(name.front()) << 8 |
                       fold(name[name.size() / 2]) << 16 | fold(name.back()) << 24;
  return key * kMultiplier >> 24;
}

struct Entry {
  char lower[kLongest];  // the rest is zeros
};

struct Tables {
  std::array<uint8_t, kSlots> names{};
  std::array<uint8_t, kSlots> lengths{};  // 0: an empty slot, which equals no name's length
  std::array<Entry, kKnownNames> spellings{};
  size_t filled = 0;
};

constexpr Tables make_tables() {
  Tables tables;
  for (size_t i = 1; i < kKnownNames; ++i) {
    const uint32_t slot = slot_of(kNames[i]);
    if (tables.lengths[slot] == 0) ++tables.filled;
    tables.names[slot] = static_cast<uint8_t>(i);
    tables.lengths[slot] = static_cast<uint8_t>(kNames[i].size());
    for (size_t at = 0; at < kNames[i].size(); ++at) {
      const char c = kNames[i][at];
      tables.spellings[i].lower[at] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();
static_assert(kTables.filled == kKnownNames - 1, "two known names share a slot: look for another multiplier");

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

bool same_name(std::string_view name, const char* lower) {
  const char* const sent = name.data();
  const size_t size = name.size();
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) {
      if (!same<uint64_t>(sent + at, lower + at)) return false;
    }
    return same<uint64_t>(sent + size - 8, lower + size - 8);
  }
  if (size >= 4) {
    return same<uint32_t>(sent, lower) && same<uint32_t>(sent + size - 4, lower + size - 4);
  }
  return same<uint16_t>(sent, lower) && same<uint16_t>(sent + size - 2, lower + size - 2);
}

}  // namespace

KnownName find_known_name(std::string_view name) {
  if (name.size() < kShortest) return KnownName::kOther;
  const uint32_t slot = slot_of(name);
  if (kTables.lengths[slot] != name.size()) return KnownName::kOther;
  const uint8_t candidate = kTables.names[slot];
  if (!same_name(name, kTables.spellings[candidate].lower)) return KnownName::kOther;
  return static_cast<KnownName>(candidate);
}

std::string_view canonical_name(KnownName name) { return kNames[static_cast<size_t>(name)]; }

}  // namespace remuda::http
