// SPDX-License-Identifier: Apache-2.0
//
// KnownName: the field names that this server looks at, as numbers, so that a table answers what a search
// would.
//
// find_known_name() is a perfect hash: one multiplication and one comparison, without regard to case, no
// allocation. Names that nobody here looks at are kOther and live only by their spelling. Pure data, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace remuda::http {

enum class KnownName : uint8_t {
  kOther,
  kAccept,
  kAcceptCharset,
  kAcceptEncoding,
  kAcceptLanguage,
  kAcceptRanges,
  kAge,
  kAllow,
  kAltSvc,
  kAuthorization,
  kCacheControl,
  kConnection,
  kContentDisposition,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentLocation,
  kContentRange,
  kContentSecurityPolicy,
  kContentType,
  kCookie,
  kDate,
  kETag,
  kExpect,
  kExpires,
  kForwarded,
  kHost,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kKeepAlive,
  kLastModified,
  kLink,
  kLocation,
  kMaxForwards,
  kOrigin,
  kPragma,
  kPriority,
  kProxy,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRange,
  kReferer,
  kRetryAfter,
  kServer,
  kSetCookie,
  kStatus,
  kStrictTransportSecurity,
  kTE,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUpgradeInsecureRequests,
  kUserAgent,
  kVary,
  kVia,
  kWWWAuthenticate,
  kXContentTypeOptions,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXRequestId,
  kXSendfile,
};

inline constexpr size_t kKnownNames = static_cast<size_t>(KnownName::kXSendfile) + 1;

namespace detail {

inline constexpr uint32_t kNameMultiplier = 0xe6abb9d5;
inline constexpr size_t kNameSlots = 256;

// What find_known_name() looks into; made by the compiler.
struct NameTable {
  struct Slot {
    uint8_t length;  // 0: empty, which is no name's length
    uint8_t name;    // a KnownName
  };
  Slot slots[kNameSlots];
  char lower[kKnownNames][32];  // in lower case, the rest zeros
};
extern const NameTable kNameTable;

// Or-ing 0x20 makes a letter lower and leaves "-" as it is; what it does to other octets the comparison
// undoes.
constexpr uint32_t fold(char c) { return static_cast<unsigned char>(c) | 0x20U; }

constexpr uint32_t name_slot(std::string_view name) {
  const uint32_t key = static_cast<uint32_t>(name.size()) | fold(name.front()) << 8 |
                       fold(name[name.size() / 2]) << 16 | fold(name.back()) << 24;
  return key * kNameMultiplier >> 24;
}

bool is_same_name(std::string_view name, const char* lower);

}  // namespace detail

#ifdef __SSE2__
namespace detail {
// Whether the first `size` of sixteen octets are `lower`, but for the case of letters. Bit 0x40 is set in
// letters and clear in "-": only where it is set may the sender have left bit 0x20 out.
inline bool is_same_name(__m128i sent, size_t size, const char* lower) {
  const __m128i expected = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower));
  const __m128i letters = _mm_and_si128(_mm_srli_epi16(expected, 1), _mm_set1_epi8(0x20));
  const __m128i equal = _mm_cmpeq_epi8(_mm_or_si128(sent, letters), expected);
  return (~static_cast<unsigned>(_mm_movemask_epi8(equal)) & ((1U << size) - 1)) == 0;
}
}  // namespace detail

// The same as find_known_name(), for names that are followed by so much that 16 octets can be read from their
// first.
inline KnownName find_known_name_in_block(std::string_view name) {
  const detail::NameTable::Slot slot = detail::kNameTable.slots[detail::name_slot(name)];
  if (slot.length != name.size()) return KnownName::kOther;
  const char* const lower = detail::kNameTable.lower[slot.name];
  const __m128i sent = _mm_loadu_si128(reinterpret_cast<const __m128i*>(name.data()));
  const bool same =
      name.size() <= 16 ? detail::is_same_name(sent, name.size(), lower) : detail::is_same_name(name, lower);
  return same ? static_cast<KnownName>(slot.name) : KnownName::kOther;
}
#endif

// kOther if it is none of them (or empty). Any octets may be asked for.
inline KnownName find_known_name(std::string_view name) {
  if (name.empty()) return KnownName::kOther;
  const detail::NameTable::Slot slot = detail::kNameTable.slots[detail::name_slot(name)];
  if (slot.length != name.size()) return KnownName::kOther;
  if (!detail::is_same_name(name, detail::kNameTable.lower[slot.name])) return KnownName::kOther;
  return static_cast<KnownName>(slot.name);
}

// As the registry spells it: "Content-Type". Static text; "" for kOther.
std::string_view canonical_name(KnownName name);

}  // namespace remuda::http
