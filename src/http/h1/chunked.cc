// SPDX-License-Identifier: Apache-2.0
//
// Framing is taken octet by octet through the states of the header's picture; data is passed on in pieces; a
// trailer section, which is rare, is copied into the arena and read by the parser of fields.
#include "http/h1/chunked.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/check.h"
#include "http/h1/response_writer.h"

namespace remuda::http::h1 {

namespace {

constexpr uint8_t kMostSizeDigits = 16;
constexpr size_t kMostTrailerOctets = 8 * 1024;

bool is_space(char octet) { return octet == ' ' || octet == '\t'; }

bool frames_or_routes(KnownName name) {
  return name == KnownName::kTransferEncoding || name == KnownName::kContentLength ||
         name == KnownName::kHost;
}

}  // namespace

bool is_kept_trailer(KnownName name) {
  switch (name) {
    case KnownName::kOther:
    case KnownName::kAcceptRanges:
    case KnownName::kAge:
    case KnownName::kAltSvc:
    case KnownName::kETag:
    case KnownName::kExpires:
    case KnownName::kLastModified:
    case KnownName::kLink:
    case KnownName::kServer:
    case KnownName::kVia:
    case KnownName::kXRequestId: return true;
    default: return false;
  }
}

void ChunkedDecoder::fail(int status, const char* why) {
  refusal_ = {status, why};
  state_ = State::kRefused;
}

ChunkedDecoder::Piece ChunkedDecoder::feed(std::string_view input) {
  Piece piece;
  while (piece.used < input.size() && state_ != State::kEnd && state_ != State::kRefused) {
    if (state_ == State::kData) {
      const size_t count = std::min<uint64_t>(remaining_, input.size() - piece.used);
      piece.data = input.substr(piece.used, count);
      piece.used += count;
      took(count);
      return piece;
    }
    if (state_ == State::kTrailers) {
      piece.used += take_trailer_octets(input.substr(piece.used));
    } else {
      take_octet(input[piece.used]);
      if (state_ != State::kTrailers)
        ++piece.used;  // the first octet of a trailer is taken again, with the rest
    }
  }
  if (state_ == State::kEnd) piece.outcome = Outcome::kEnd;
  if (state_ == State::kRefused) piece.outcome = Outcome::kRefused;
  return piece;
}

void ChunkedDecoder::took(uint64_t octets) {
  CHECK(state_ == State::kData && octets <= remaining_);
  remaining_ -= octets;
  if (remaining_ == 0) state_ = State::kDataCr;
}

void ChunkedDecoder::expect(char octet, char expected, State next) {
  if (octet != expected) return fail(400, "no CRLF where the chunked coding has one");
  state_ = next;
}

void ChunkedDecoder::take_octet(char octet) {
  switch (state_) {
    case State::kSizeStart:
    case State::kSize: return take_size_octet(octet);
    case State::kSizeEnd:
      expect(octet, '\n', State::kData);
      if (state_ == State::kData) end_size_line();
      return;
    case State::kDataCr: return expect(octet, '\r', State::kDataLf);
    case State::kDataLf: return expect(octet, '\n', State::kSizeStart);
    case State::kTrailerStart: state_ = octet == '\r' ? State::kEndLf : State::kTrailers; return;
    case State::kEndLf: return expect(octet, '\n', State::kEnd);
    default: return take_extension_octet(octet);
  }
}

void ChunkedDecoder::take_size_octet(char octet) {
  const int digit = base::hex_value(octet);
  if (digit >= 0) {
    if (size_digits_ == kMostSizeDigits) return fail(400, "a chunk size of more than 16 digits");
    ++size_digits_;
    remaining_ = remaining_ << 4 | static_cast<unsigned>(digit);
    state_ = State::kSize;
    return;
  }
  if (state_ == State::kSizeStart) return fail(400, "a chunk without a size");
  if (octet == '\r') {
    state_ = State::kSizeEnd;
  } else if (octet == ';') {
    ++extension_octets_;
    state_ = State::kExtensionStart;
  } else {
    fail(400, "a chunk size that is not hexadecimal");
  }
}

void ChunkedDecoder::end_size_line() {
  size_digits_ = 0;
  if (remaining_ > static_cast<uint64_t>(INT64_MAX)) return fail(413, "a chunk size of more than 2^63 - 1");
  if (remaining_ == 0) state_ = State::kTrailerStart;
}

// chunk-ext = *( ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] BWS ), but no space before the line's
// end.
void ChunkedDecoder::take_extension_octet(char octet) {
  if (++extension_octets_ > limits_.extensions) return fail(413, "chunk extensions are too long");
  if (state_ == State::kExtensionQuoted || state_ == State::kExtensionEscaped) {
    if (base::is_control(octet) && octet != '\t')
      return fail(400, "a control character in a chunk extension");
    if (state_ == State::kExtensionEscaped) {
      state_ = State::kExtensionQuoted;
    } else if (octet == '\\') {
      state_ = State::kExtensionEscaped;
    } else if (octet == '"') {
      state_ = State::kExtensionEnd;
    }
    return;
  }
  const bool begins = state_ == State::kExtensionStart || state_ == State::kExtensionEquals;
  if (base::is_token_char(octet)) {
    if (state_ == State::kExtensionStart) state_ = State::kExtensionName;
    if (state_ == State::kExtensionEquals) state_ = State::kExtensionToken;
    if (state_ == State::kExtensionName || state_ == State::kExtensionToken) return;
  } else if (begins && is_space(octet)) {
    return;
  } else if (state_ == State::kExtensionEquals && octet == '"') {
    state_ = State::kExtensionQuoted;
    return;
  } else if (!begins) {
    return end_extension_part(octet);
  }
  fail(400, "a malformed chunk extension");
}

// `octet` comes after a name or a value and belongs to neither.
void ChunkedDecoder::end_extension_part(char octet) {
  const bool after_name = state_ == State::kExtensionName || state_ == State::kExtensionNameSpace;
  const bool after_space = state_ == State::kExtensionNameSpace || state_ == State::kExtensionSpace;
  if (octet == ';') {
    state_ = State::kExtensionStart;
  } else if (octet == '=' && after_name) {
    state_ = State::kExtensionEquals;
  } else if (octet == '\r' && !after_space) {
    state_ = State::kSizeEnd;
  } else if (is_space(octet)) {
    state_ = after_name ? State::kExtensionNameSpace : State::kExtensionSpace;
  } else {
    fail(400, "a malformed chunk extension");
  }
}

// Copies what may belong to the trailer section and reads it; says how many octets of `input` did belong to
// it.
size_t ChunkedDecoder::take_trailer_octets(std::string_view input) {
  FieldLimits limits = limits_.fields;
  limits.total = std::min(limits.total, kMostTrailerOctets);
  if (trailer_text_ == nullptr) {
    trailer_text_ = static_cast<char*>(trailers_.arena().allocate(limits.total + 1, 1));
  }
  const size_t count =
      std::min(input.size(), limits.total + 1 - trailer_octets_);  // one more: to see it is too long
  std::memcpy(trailer_text_ + trailer_octets_, input.data(), count);
  const size_t before = trailer_octets_;
  trailer_octets_ += count;
  switch (section_.parse(trailer_text_, trailer_text_ + trailer_octets_, limits)) {
    case h1::Outcome::kIncomplete: return count;
    case h1::Outcome::kRefused: fail(section_.refusal().status, section_.refusal().why); return count;
    case h1::Outcome::kComplete: break;
  }
  keep_trailers();
  return section_.end_of_section() - trailer_text_ - before;
}

void ChunkedDecoder::keep_trailers() {
  state_ = State::kEnd;
  for (size_t i = 0; i < trailers_.size();) {
    const KnownName name = trailers_.all()[i].known;
    if (frames_or_routes(name)) return fail(400, "a trailer that frames or routes the message");
    if (is_kept_trailer(name)) {
      ++i;
    } else {
      trailers_.remove(name);
      i = 0;
    }
  }
}

std::string_view chunk_head(std::array<char, 18>& room, uint64_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char* at = room.data() + room.size();
  *--at = '\n';
  *--at = '\r';
  do {
    *--at = kDigits[size & 15];
    size >>= 4;
  } while (size != 0);
  return {at, room.data() + room.size()};
}

}  // namespace remuda::http::h1
