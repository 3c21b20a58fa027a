// SPDX-License-Identifier: Apache-2.0
//
// The chunked transfer coding (RFC 9112 section 7.1), both ways. Sans-I/O.
//
//     1a;name="value" CR LF  <26 octets> CR LF   ...   0 CR LF  [Name: value CR LF]...  CR LF
//     `-size -extensions--'   data                     `-last     trailer section -----'
//
// Strict: 1 to 16 hexadecimal digits, at most 2^63 - 1 (413), nothing between them and ";" or CR, extensions
// by their grammar (ignored, but bounded over the whole body: 413), CRLF and nothing else after size and
// data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/fields.h"
#include "http/h1/field_section.h"
#include "http/h1/head_limits.h"
#include "http/h1/refusal.h"

namespace remuda::http::h1 {

class ChunkedDecoder {
 public:
  enum class Outcome : uint8_t {
    kMore,     // the body goes on; data, if there was any, is content
    kEnd,      // the body, its trailer section included, has ended
    kRefused,  // see status() and why(); where the next request begins is not known
  };
  struct Piece {
    Outcome outcome = Outcome::kMore;
    size_t used = 0;        // octets of the input that are done with, data included
    std::string_view data;  // points into the input
  };

  // Trailers go to `trailers`, copied into its arena, within the limits for fields. A trailer section may not
  // say how messages are framed or routed: Transfer-Encoding, Content-Length and Host are refused (400). Of
  // the other names that this server knows only those of which it makes nothing are kept (ETag, Link, Via and
  // their like): no authentication, no condition, no cookie comes in late. Names that it does not know are
  // kept.
  ChunkedDecoder(Fields& trailers, const HeadLimits& limits)
      : trailers_(trailers), limits_(limits), section_(trailers) {}

  // The next piece of the body. `input` is what was not used yet, any length, cut anywhere; the caller drops
  // `used` octets. Uses at least one octet of a non-empty input, until kEnd or kRefused. At most one piece of
  // content each time; octets after the end are left alone.
  Piece feed(std::string_view input);

  // After kRefused.
  int status() const { return refusal_.status; }
  const char* why() const { return refusal_.why; }

  // Octets of the current chunk that are still to come: they may be read straight to where they belong, and
  // told by took(). 0 between chunks.
  uint64_t data_remaining() const { return state_ == State::kData ? remaining_ : 0; }
  void took(uint64_t octets);

 private:
  enum class State : uint8_t {
    kSizeStart,
    kSize,
    kExtensionStart,      // after ";"
    kExtensionName,       //
    kExtensionNameSpace,  // after a name
    kExtensionEquals,     // after "="
    kExtensionToken,      // a value
    kExtensionQuoted,     // a value in quotes
    kExtensionEscaped,    // after a backslash in it
    kExtensionEnd,        // after a value in quotes
    kExtensionSpace,      // after a value and a space: only ";" may follow
    kSizeEnd,             // LF after the size line
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kEndLf,  // LF of the empty line, without trailers
    kTrailers,
    kEnd,
    kRefused,
  };

  void take_octet(char octet);
  void take_size_octet(char octet);
  void take_extension_octet(char octet);
  void end_extension_part(char octet);
  void end_size_line();
  void expect(char octet, char expected, State next);
  size_t take_trailer_octets(std::string_view input);
  void keep_trailers();
  void fail(int status, const char* why);

  Fields& trailers_;
  const HeadLimits& limits_;
  FieldSection section_;
  uint64_t remaining_ = 0;  // of the size while it is read, then of the data
  size_t extension_octets_ = 0;
  uint8_t size_digits_ = 0;
  State state_ = State::kSizeStart;
  char* trailer_text_ = nullptr;  // in the arena, from the first octet of a trailer on
  size_t trailer_octets_ = 0;
  Refusal refusal_;
};

// The size line before `size` octets of data, after which "\r\n" goes: "1a\r\n". Not for 0, which would be
// the last chunk. The text stands in `room`.
std::string_view chunk_head(std::array<char, 18>& room, uint64_t size);

// What ends a body: the last chunk, the trailer section (may be null), the empty line. Of the trailers those
// that a receiver must not take (is_kept_trailer) are left out. ENOBUFS: `room` is too small; EINVAL: a
// trailer's name or value cannot stand on a line.
base::Result<size_t> write_last_chunk(std::span<char> room, const Fields* trailers);

// Whether a field may stand in a trailer section, by the rules above ChunkedDecoder.
bool is_kept_trailer(KnownName name);

}  // namespace remuda::http::h1
