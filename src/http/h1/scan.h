// SPDX-License-Identifier: Apache-2.0
//
// Scanning: the first octet in [from, to) that ends or spoils an element of a head; `to` if there is none.
//
// Sixteen octets at a time with SSE2 (part of every x86-64), one at a time at the end and elsewhere. Never
// reads beyond `to`. Pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "base/ascii.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace remuda::http::h1 {

namespace scan {

constexpr std::array<bool, 256> stops_at(bool (*stops)(char)) {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) table[c] = stops(static_cast<char>(c));
  return table;
}

inline constexpr auto kStopsName = stops_at([](char c) { return !base::is_token_char(c); });
inline constexpr auto kStopsValue = stops_at([](char c) { return base::is_control(c) && c != '\t'; });
inline constexpr auto kStopsTarget = stops_at(
    [](char c) { return c <= ' ' || c == 0x7f || c == '#' || c == '?'; });  // char is signed: c < 0 too
static_assert(static_cast<char>(0x80) < 0, "octets above 127 are negative here");

inline const char* by_table(const std::array<bool, 256>& stops, const char* from, const char* to) {
  while (from != to && !stops[static_cast<unsigned char>(*from)]) ++from;
  return from;
}

#ifdef __SSE2__
inline __m128i load(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
inline __m128i all(char c) { return _mm_set1_epi8(c); }
inline unsigned mask(__m128i octets) { return static_cast<unsigned>(_mm_movemask_epi8(octets)); }

// Letters and "-", of which nearly every name is made.
inline unsigned name_stops(__m128i octets) {
  const __m128i letter = _mm_sub_epi8(_mm_or_si128(octets, all(0x20)), all('a'));
  const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, all(25)), letter);
  return mask(_mm_or_si128(is_letter, _mm_cmpeq_epi8(octets, all('-')))) ^ 0xffffU;
}

// Controls, tabs among them, and octets above 127, which the caller sorts out: adding 1 makes 127 the lowest
// of signed octets, so that one comparison finds all of them.
inline unsigned value_stops(__m128i octets) {
  return mask(_mm_cmplt_epi8(_mm_add_epi8(octets, all(1)), all(0x21)));
}

inline unsigned target_stops(__m128i octets) {
  const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(octets, all('#')), _mm_cmpeq_epi8(octets, all('?')));
  return mask(_mm_or_si128(_mm_cmplt_epi8(_mm_add_epi8(octets, all(1)), all(0x22)), marks));
}
#endif

}  // namespace scan

// The end of a token.
inline const char* scan_name(const char* from, const char* to) {
#ifdef __SSE2__
  while (to - from >= 16) {
    if (const unsigned stops = scan::name_stops(scan::load(from)); stops != 0) {
      from += std::countr_zero(stops);
      break;
    }
    from += 16;
  }
#endif
  return scan::by_table(scan::kStopsName, from, to);
}

#ifdef __SSE2__
// The end of a method of at most 15 letters; null if it is not seen within one block that ends two octets
// before `to`. What it points at, and the octet after that, can be read.
inline const char* scan_short_method(const char* from, const char* to) {
  if (to - from < 18) return nullptr;
  const unsigned stops = scan::name_stops(scan::load(from));
  return stops == 0 ? nullptr : from + std::countr_zero(stops);
}

// The first colon within 32 octets; null if it is not seen within two blocks that end two octets before `to`.
// The octet after it can be read.
inline const char* scan_colon(const char* from, const char* to) {
  if (to - from < 18) return nullptr;
  if (const unsigned colons = scan::mask(_mm_cmpeq_epi8(scan::load(from), scan::all(':'))); colons != 0)
      [[likely]]
    return from + std::countr_zero(colons);
  if (to - from < 34) return nullptr;
  const unsigned colons = scan::mask(_mm_cmpeq_epi8(scan::load(from + 16), scan::all(':')));
  return colons == 0 ? nullptr : from + 16 + std::countr_zero(colons);
}
#endif

#ifdef __SSE2__
// Whether [from, from + size) is a token; 16 octets can be read from `from`.
inline bool is_name_in_block(const char* from, size_t size) {
  if (size <= 16 && (scan::name_stops(scan::load(from)) & ((1U << size) - 1)) == 0) [[likely]]
    return true;
  return scan_name(from, from + size) == from + size;
}
#endif

// A control character other than tab.
inline const char* scan_value(const char* from, const char* to) {
#ifdef __SSE2__
  if (to - from >= 16) {
    const char* const last_block = to - 16;
    do {
      for (unsigned stops = scan::value_stops(scan::load(from)); stops != 0; stops &= stops - 1) {
        const char* const stop = from + std::countr_zero(stops);
        if (scan::kStopsValue[static_cast<unsigned char>(*stop)]) return stop;
      }
      from += 16;
    } while (from <= last_block);
  }
#endif
  return scan::by_table(scan::kStopsValue, from, to);
}

// Anything that is not visible ASCII, "#", or "?".
inline const char* scan_target(const char* from, const char* to) {
#ifdef __SSE2__
  while (to - from >= 16) {
    if (const unsigned stops = scan::target_stops(scan::load(from)); stops != 0) {
      return from + std::countr_zero(stops);
    }
    from += 16;
  }
#endif
  return scan::by_table(scan::kStopsTarget, from, to);
}

}  // namespace remuda::http::h1
