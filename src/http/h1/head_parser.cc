// SPDX-License-Identifier: Apache-2.0
//
// One step for each part of a head. The steps keep position_ at the first octet that they have not taken, so
// that any of them can be entered again when more has arrived. What spans octets (the form of a target, the
// framing) is judged when its last octet is there, which is the same moment however the bytes were cut.
#include "http/h1/head_parser.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "http/h1/scan.h"
#include "http/target.h"

namespace remuda::http::h1 {

namespace {

constexpr size_t kLongestMethod = 64;
constexpr std::string_view kVersion11 = "HTTP/1.1\r\n";

// What the octets of a version and its line end are: letters stand for themselves, 0 for a digit.
constexpr std::string_view kVersionPattern("HTTP/0.0\r\n");
constexpr size_t kMajor = 5;
constexpr size_t kMinor = 7;
constexpr size_t kVersionOctets = 8;

}  // namespace

bool HeadParser::refuse(int status, const char* why) {
  refusal_ = {status, why};
  state_ = State::kRefused;
  return false;
}

void HeadParser::restart() {
  section_.restart();
  first_ = line_ = element_ = position_ = query_ = nullptr;
  head_bytes_ = 0;
  state_ = State::kBegin;
  framing_ = {};
  refusal_ = {};
}

Outcome HeadParser::parse(std::string_view received) {
  const char* const end = received.data() + received.size();
  if (first_ == nullptr) first_ = position_ = received.data();
  if (state_ == State::kBegin) read_plain_line(end);
  bool more = true;
  while (more && state_ < State::kMethod) more = read_start(end);
  if (more && state_ == State::kMethod) more = read_method(end);
  if (more && state_ == State::kTarget) more = read_target(end);
  if (more && state_ == State::kVersion) more = read_version(end);
  if (more && state_ == State::kFields) read_fields(end);
  if (state_ == State::kComplete) [[likely]]
    return Outcome::kComplete;
  return state_ == State::kRefused ? Outcome::kRefused : Outcome::kIncomplete;
}

// The request line that nearly everyone sends, if it is all there: a method of letters, a path, HTTP/1.1.
// Changes nothing otherwise: the steps below then judge it octet by octet.
void HeadParser::read_plain_line(const char* end) {
#ifdef __SSE2__
  const char* const line = position_;
  const char* const bound = std::min<size_t>(end - line, limits_.request_line) + line;
  const char* const method_end = scan_short_method(line, bound);
  if (method_end == nullptr || method_end == line || method_end[0] != ' ' || method_end[1] != '/') return;
  const char* const target = method_end + 1;
  const char* query = nullptr;
  const char* target_end = scan_target(target, bound);
  if (target_end != bound && *target_end == '?') {
    query = target_end;
    do {
      target_end = scan_target(target_end + 1, bound);
    } while (target_end != bound && *target_end == '?');
  }
  if (bound - target_end < 9 || end - target_end < 11) return;
  if (std::memcmp(target_end, " HTTP/1.1\r\n", 11) != 0) return;
  request_.method = {line, method_end};
  if (request_.method == "CONNECT") return;
  request_.target = {target, target_end};
  request_.version = Version::k11;
  request_.form = TargetForm::kOrigin;
  query_ = query;
  take_path(request_.target);
  line_ = line;
  position_ = target_end + 11;
  state_ = State::kFields;
#endif
}

// One empty line before the request is let pass (RFC 9112 section 2.2): some clients send one after a body.
bool HeadParser::read_start(const char* end) {
  if (position_ == end) return false;
  const char octet = *position_;
  if (state_ == State::kEmptyLineEnd) {
    if (octet != '\n') return refuse(400, name_of_fault('\r'));
    state_ = State::kStart;
    ++position_;
    return true;
  }
  if (octet == '\r') {
    if (state_ == State::kStart) return refuse(400, "more than one empty line before the request");
    state_ = State::kEmptyLineEnd;
    ++position_;
    return true;
  }
  line_ = element_ = position_;
  state_ = State::kMethod;
  return true;
}

bool HeadParser::read_method(const char* end) {
  const char* const bound = std::min<size_t>(end - line_, kLongestMethod + 1) + line_;
  position_ = scan::by_table(scan::kStopsName, position_, bound);
  if (position_ == bound) {
    return position_ == line_ + kLongestMethod + 1 ? refuse(501, "the method is too long") : false;
  }
  if (*position_ != ' ' || position_ == line_) {
    return refuse(400,
                  base::is_control(*position_) ? name_of_fault(*position_) : "the method is not a token");
  }
  request_.method = {line_, position_};
  element_ = ++position_;
  state_ = State::kTarget;
  return true;
}

bool HeadParser::read_target(const char* end) {
  const char* const bound = std::min<size_t>(end - line_, limits_.request_line) + line_;
  while (true) {
    if (position_ < bound) position_ = scan_target(position_, bound);
    if (position_ >= bound) return bound == end ? false : refuse(414, "the request line is too long");
    if (*position_ != '?') break;
    if (query_ == nullptr) query_ = position_;
    ++position_;
  }
  const char octet = *position_;
  if (octet != ' ') {
    if (octet == '\r' || octet == '\n') return refuse(400, "the request line has no version (HTTP/0.9)");
    if (octet == '#') return refuse(400, "a fragment in the target");
    return refuse(400, base::is_control(octet) ? name_of_fault(octet) : "an octet above 127 in the target");
  }
  if (position_ == element_) return refuse(400, "two spaces before the target");
  request_.target = {element_, position_};
  element_ = ++position_;
  state_ = State::kVersion;
  return true;
}

bool HeadParser::read_version(const char* end) {
  const bool at_once = position_ == element_ && end - element_ >= 10 &&
                       static_cast<size_t>(element_ - line_) + kVersionOctets <= limits_.request_line;
  if (!at_once || std::memcmp(element_, kVersion11.data(), kVersion11.size()) != 0)
    return read_version_slowly(end);
  request_.version = Version::k11;
  position_ += kVersion11.size();
  state_ = State::kFields;
  return take_target();
}

bool HeadParser::read_version_slowly(const char* end) {
  while (static_cast<size_t>(position_ - element_) < kVersionPattern.size()) {
    if (position_ == end) return false;
    const size_t at = position_ - element_;
    const char octet = *position_;
    if (at < kVersionOctets && static_cast<size_t>(position_ - line_) >= limits_.request_line) {
      return refuse(414, "the request line is too long");
    }
    const bool right = kVersionPattern[at] == '0' ? base::is_digit(octet) : octet == kVersionPattern[at];
    if (!right)
      return refuse(400,
                    base::is_control(octet) ? name_of_fault(octet) : "the version is not HTTP/digit.digit");
    ++position_;
  }
  return take_request_line();
}

bool HeadParser::take_request_line() {
  if (element_[kMajor] != '1') return refuse(505, "a version of HTTP other than 1.0 and 1.1");
  request_.version = element_[kMinor] == '0' ? Version::k10 : Version::k11;
  state_ = State::kFields;
  return take_target();
}

// RFC 9112 section 3.2.
bool HeadParser::take_target() {
  const std::string_view target = request_.target;
  if (request_.method == "CONNECT") return take_authority_target();
  if (target.front() == '/') [[likely]] {
    request_.form = TargetForm::kOrigin;
    take_path(target);
    return true;
  }
  if (target == "*") {
    if (request_.method != "OPTIONS") return refuse(400, "the target * is for OPTIONS only");
    request_.form = TargetForm::kAsterisk;
    request_.raw_path = target;
    return true;
  }
  return take_absolute_target();
}

bool HeadParser::take_authority_target() {
  const std::string_view target = request_.target;
  const size_t colon = target.rfind(':');
  const bool has_port = colon != std::string_view::npos && base::is_digit(target.back());
  if (!has_port || !is_valid_authority(target)) return refuse(400, "the target of CONNECT is not host:port");
  request_.form = TargetForm::kAuthority;
  request_.authority = target;
  return true;
}

bool HeadParser::take_absolute_target() {
  const std::string_view target = request_.target;
  const size_t scheme_end = target.find("://");
  const std::string_view scheme = target.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos ||
      (!base::equal_ignoring_case(scheme, "http") && !base::equal_ignoring_case(scheme, "https"))) {
    return refuse(400, "the target is neither a path nor an http URI");
  }
  const std::string_view rest = target.substr(scheme_end + 3);
  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  request_.authority = rest.substr(0, authority_end);
  if (!is_valid_authority(request_.authority)) return refuse(400, "the authority of the target is not valid");
  request_.form = TargetForm::kAbsolute;
  const std::string_view path_and_query = rest.substr(authority_end);
  if (path_and_query.empty() && request_.method == "OPTIONS") {
    request_.form = TargetForm::kAsterisk;
    request_.raw_path = "*";
    return true;
  }
  take_path(path_and_query);
  return true;
}

// `path_and_query` is the end of the target.
void HeadParser::take_path(std::string_view path_and_query) {
  const char* const begin = path_and_query.data();
  const char* const end = begin + path_and_query.size();
  request_.raw_path = {begin, query_ == nullptr ? end : query_};
  if (request_.raw_path.empty()) request_.raw_path = "/";
  request_.has_query = query_ != nullptr;
  if (request_.has_query) request_.query = {query_ + 1, end};
}

bool HeadParser::read_fields(const char* end) {
  switch (section_.parse(position_, end, limits_.fields)) {
    case Outcome::kIncomplete: return false;
    case Outcome::kRefused: return refuse(section_.refusal());
    case Outcome::kComplete: break;
  }
  if (!take_host()) return false;
  if (const Refusal refusal = frame_request(request_, framing_)) return refuse(refusal);
  head_bytes_ = section_.end_of_section() - first_;
  state_ = State::kComplete;
  return true;
}

// RFC 9112 sections 3.2 and 3.2.2, RFC 9110 section 7.2.
bool HeadParser::take_host() {
  const Field* const host = request_.fields.first(KnownName::kHost);
  if (host == nullptr) return request_.version == Version::k10 ? true : refuse(400, "no Host field");
  if (host->next_of_same_name != 0) return refuse(400, "more than one Host field");
  if (!host->value.empty() && !is_valid_authority(host->value))
    return refuse(400, "the Host field is not a host");
  if (request_.form == TargetForm::kOrigin || request_.authority.empty()) {
    request_.authority = host->value;
  } else if (host->value != request_.authority) {
    request_.fields.remove(KnownName::kHost);
    request_.fields.add(KnownName::kHost, request_.authority);
  }
  return true;
}

}  // namespace remuda::http::h1
