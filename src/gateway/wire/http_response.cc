// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/http_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "http/known_names.h"

namespace remuda::gateway::wire {

namespace {

using http::KnownName;

constexpr size_t kMostLengthDigits = 19;  // 2^63 - 1 has so many
// 100 is nobody's business beyond this connection, so nobody else counts them.
constexpr unsigned kMostInterims = 32;

bool has_control(std::string_view value) {
  return std::ranges::any_of(value, [](char c) { return base::is_control(c) && c != '\t'; });
}

bool is_of_connection(KnownName name) {
  switch (name) {
    case KnownName::kKeepAlive:
    case KnownName::kProxyConnection:
    case KnownName::kTE:
    case KnownName::kTrailer:
    case KnownName::kStatus:  // CGI's word, and nobody's here
      return true;
    default: return false;
  }
}

}  // namespace

void HttpResponseDecoder::begin(HttpAsked asked) {
  asked_ = asked;
  interims_ = 0;
  keeps_ = false;
  line_.clear();
  state_ = State::kStatusLine;
}

void HttpResponseDecoder::begin_head() {
  state_ = State::kFields;
  head_.clear();
  is_10_ = has_coding_ = has_upgrade_ = says_close_ = says_keep_alive_ = false;
  length_.reset();
  named_.clear();
}

bool HttpResponseDecoder::fail(const char* trouble) {
  trouble_ = trouble;
  state_ = State::kBroken;
  return false;
}

HttpEvent HttpResponseDecoder::next(std::string_view& bytes) {
  using Kind = HttpEvent::Kind;
  switch (state_) {
    case State::kStatusLine:
    case State::kFields: return read_head(bytes);
    case State::kSwitching: state_ = State::kSwitched; return {Kind::kSwitched};
    case State::kEnd: return {Kind::kEnd};
    case State::kBroken: return {.kind = Kind::kBroken, .trouble = trouble_};
    default: return read_content(bytes);
  }
}

// --- the head

HttpEvent HttpResponseDecoder::read_head(std::string_view& bytes) {
  using Kind = HttpEvent::Kind;
  while (!head_is_whole_) {
    const size_t newline = bytes.find('\n');
    const bool whole = newline != std::string_view::npos;
    const std::string_view piece = bytes.substr(0, whole ? newline + 1 : bytes.size());
    bytes.remove_prefix(piece.size());
    head_bytes_ += piece.size();
    if (head_bytes_ > head_limit_) fail("its head is longer than head_limit");
    if (whole && line_.empty() && state_ != State::kBroken) {
      take_line(piece);
    } else if (state_ != State::kBroken) {
      line_ += piece;
      if (!whole) return {Kind::kNeedsMore};
      const std::string line = std::exchange(line_, {});
      take_line(line);
    }
    if (state_ == State::kBroken) return {.kind = Kind::kBroken, .trouble = trouble_};
  }
  head_is_whole_ = false;
  head_bytes_ = 0;
  return {Kind::kOutput, head_};
}

bool HttpResponseDecoder::take_line(std::string_view line) {
  if (line.size() < 2 || line[line.size() - 2] != '\r') return fail("a line of its head ends without CR");
  line.remove_suffix(2);
  if (state_ == State::kStatusLine) return take_status_line(line);
  return line.empty() ? finish_head() : take_field(line);
}

// HTTP-version SP 3DIGIT [SP reason] (RFC 9112 section 4).
bool HttpResponseDecoder::take_status_line(std::string_view line) {
  const bool speaks = line.size() >= 12 && line.starts_with("HTTP/1.") && base::is_digit(line[7]) &&
                      line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  const std::string_view digits = speaks ? line.substr(9, 3) : std::string_view();
  if (!speaks || !std::ranges::all_of(digits, base::is_digit))
    return fail("its answer does not begin as HTTP/1.1");
  if (has_control(line)) return fail("a control character in its status line");
  begin_head();
  is_10_ = line[7] == '0';
  status_ = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  if (status_ < 100 || status_ > 599) return fail("its status is not between 100 and 599");
  fmt::format_to(std::back_inserter(head_), "Status: {}\r\n", line.substr(9));
  return true;
}

bool HttpResponseDecoder::take_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return fail("a folded line in its head");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return fail("a line of its head has no colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = base::trim_whitespace(line.substr(colon + 1));
  if (!base::is_token(name)) return fail("a line of its head has no proper name");
  if (has_control(value)) return fail("a control character in its head");
  const KnownName known = http::find_known_name(name);
  if (known == KnownName::kContentLength) return take_length(value);
  if (known == KnownName::kTransferEncoding) return take_coding(value);
  if (known == KnownName::kConnection) return take_connection(value);
  if (is_of_connection(known)) return true;
  if (known == KnownName::kUpgrade) {
    has_upgrade_ = true;
    if (status_ != 101) return true;
  }
  head_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

bool HttpResponseDecoder::take_connection(std::string_view value) {
  std::string_view option;
  while (base::next_list_member(value, option)) {
    if (base::equal_ignoring_case(option, "close")) {
      says_close_ = true;
    } else if (base::equal_ignoring_case(option, "keep-alive")) {
      says_keep_alive_ = true;
    } else if (!base::equal_ignoring_case(option, "upgrade")) {
      named_.emplace_back(option);
    }
  }
  return true;
}

bool HttpResponseDecoder::take_length(std::string_view value) {
  if (length_) return fail("there are two Content-Length lines");
  if (value.empty() || value.size() > kMostLengthDigits || !std::ranges::all_of(value, base::is_digit))
    return fail("its Content-Length is no number");
  uint64_t length = 0;
  for (const char digit : value) length = length * 10 + static_cast<uint64_t>(digit - '0');
  if (length > static_cast<uint64_t>(INT64_MAX)) return fail("its Content-Length is too large");
  length_ = length;
  return true;
}

bool HttpResponseDecoder::take_coding(std::string_view value) {
  if (has_coding_) return fail("there are two Transfer-Encoding lines");
  if (!base::equal_ignoring_case(value, "chunked")) return fail("a transfer coding other than chunked");
  has_coding_ = true;
  return true;
}

bool HttpResponseDecoder::finish_head() {
  if (has_coding_ && length_) return fail("Transfer-Encoding beside Content-Length");
  if (has_coding_ && is_10_) return fail("Transfer-Encoding in an answer of HTTP/1.0");
  if (status_ < 200) return finish_interim();
  if (!named_.empty()) drop_named();
  choose_framing();
  head_ += "\r\n";
  head_is_whole_ = true;
  return true;
}

// What is beyond the connection is given on; a 100 is not.
bool HttpResponseDecoder::finish_interim() {
  if (++interims_ > kMostInterims) return fail("too many interim answers");
  if (status_ == 101) {
    const bool may = asked_.upgrade == HttpAsked::Upgrade::kMaySwitch && has_upgrade_ && !is_10_;
    if (!may) return fail("it switched to a protocol that nobody asked for");
    state_ = State::kSwitching;
  } else if (status_ == 100) {
    state_ = State::kStatusLine;
    head_bytes_ = 0;
    return true;
  } else {
    state_ = State::kStatusLine;
  }
  if (!named_.empty()) drop_named();
  head_ += "\r\n";
  head_is_whole_ = true;
  return true;
}

// RFC 9112 section 6.3, from the client's side.
void HttpResponseDecoder::choose_framing() {
  keeps_ = !says_close_ && (!is_10_ || says_keep_alive_);
  const bool is_empty = status_ == 204;
  const bool ends_here = is_empty || status_ == 304 || asked_.content == HttpAsked::Content::kNone;
  if (is_empty && (has_coding_ || length_.value_or(0) > 0)) keeps_ = false;  // it may send it after all
  if (length_ && !is_empty) fmt::format_to(std::back_inserter(head_), "Content-Length: {}\r\n", *length_);
  left_ = length_.value_or(0);
  if (ends_here || (length_ && left_ == 0)) {
    state_ = State::kEnd;
  } else if (has_coding_) {
    chunks_ = HttpChunks();
    state_ = State::kChunks;
  } else if (length_) {
    state_ = State::kLength;
  } else {
    keeps_ = false;
    state_ = State::kUntilEnd;
  }
}

// What a Connection field names is for this connection alone (RFC 9110 section 7.6.1).
void HttpResponseDecoder::drop_named() {
  std::string kept;
  for (std::string_view rest = head_; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(line.size());
    const std::string_view name = line.substr(0, line.find(':'));
    const bool is_first = kept.empty();  // the status
    const bool is_named = std::ranges::any_of(
        named_, [&](const std::string& each) { return base::equal_ignoring_case(each, name); });
    if (is_first || !is_named) kept += line;
  }
  head_ = std::move(kept);
}

// --- the content

HttpEvent HttpResponseDecoder::read_content(std::string_view& bytes) {
  using Kind = HttpEvent::Kind;
  if (state_ == State::kChunks) {
    const HttpChunks::Piece piece = chunks_.next(bytes);
    switch (piece.kind) {
      case HttpChunks::Kind::kData: return {Kind::kOutput, piece.data};
      case HttpChunks::Kind::kNeedsMore: return {Kind::kNeedsMore};
      case HttpChunks::Kind::kEnd: state_ = State::kEnd; return {Kind::kEnd};
      case HttpChunks::Kind::kBroken:
        fail(piece.trouble);
        return {.kind = Kind::kBroken, .trouble = trouble_};
    }
  }
  if (bytes.empty()) return {Kind::kNeedsMore};
  const std::string_view piece = bytes.substr(0, state_ == State::kLength ? left_ : bytes.size());
  bytes.remove_prefix(piece.size());
  if (state_ == State::kLength) {
    left_ -= piece.size();
    if (left_ == 0) state_ = State::kEnd;
  }
  return {Kind::kOutput, piece};
}

}  // namespace remuda::gateway::wire
