// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/cgi_response.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace remuda::gateway::wire {

namespace {

using http::KnownName;

bool names_redirect(std::string_view name) {
  return base::equal_ignoring_case(name, "X-Accel-Redirect") ||
         base::equal_ignoring_case(name, "X-LiteSpeed-Location");
}

bool names_file(std::string_view name) {
  return base::equal_ignoring_case(name, "X-Sendfile") ||
         base::equal_ignoring_case(name, "X-Lighttpd-Send-File");
}

bool is_servers_business(KnownName name, std::string_view spelled) {
  switch (name) {
    case KnownName::kStatus:
    case KnownName::kContentLength:
    case KnownName::kConnection:
    case KnownName::kKeepAlive:
    case KnownName::kProxyConnection:
    case KnownName::kTE:
    case KnownName::kTrailer:
    case KnownName::kTransferEncoding:
    case KnownName::kUpgrade: return true;
    case KnownName::kXSendfile: return true;
    default:
      return base::equal_ignoring_case(spelled.substr(0, 6), "x-cgi-") ||
             base::equal_ignoring_case(spelled.substr(0, 8), "x-accel-") || names_redirect(spelled) ||
             names_file(spelled);
  }
}

bool has_control(std::string_view value) {
  return std::ranges::any_of(value, [](char c) { return base::is_control(c) && c != '\t'; });
}

}  // namespace

CgiResponseReader::Progress CgiResponseReader::read(std::string_view bytes) {
  while (true) {
    const size_t newline = bytes.find('\n', searched_);
    if (newline == std::string_view::npos) {
      searched_ = bytes.size();
      return Progress::kNeedsMore;
    }
    size_t end = newline;
    if (end > at_ && bytes[end - 1] == '\r') --end;
    const bool empty = end == at_;
    if (!empty && !read_line(bytes, at_, end)) return Progress::kBroken;
    at_ = searched_ = newline + 1;
    if (empty) return finish(bytes) ? Progress::kComplete : Progress::kBroken;
  }
}

bool CgiResponseReader::fail(const char* trouble) {
  trouble_ = trouble;
  return false;
}

bool CgiResponseReader::read_line(std::string_view bytes, size_t begin, size_t end) {
  const std::string_view text = bytes.substr(begin, end - begin);
  if (text.front() == ' ' || text.front() == '\t') return fail("a header line begins with a space");
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return fail("a header line has no colon");
  const std::string_view name = base::trim_whitespace(text.substr(0, colon));
  const std::string_view value = base::trim_whitespace(text.substr(colon + 1));
  if (!base::is_token(name)) return fail("a header line has no proper name");
  if (has_control(value)) return fail("a header line holds a control character");
  if (line_count_ == kMostFields) return fail("too many header lines");
  const auto piece = [&](std::string_view part) {
    return Piece{static_cast<uint32_t>(part.data() - bytes.data()), static_cast<uint32_t>(part.size())};
  };
  Line& line = lines_[line_count_++];
  line = {piece(name), piece(value), http::find_known_name(name)};
  return take(bytes, line);
}

bool CgiResponseReader::take(std::string_view bytes, const Line& line) {
  switch (line.known) {
    case KnownName::kStatus: return take_status(bytes, line.value);
    case KnownName::kContentLength: ++other_fields_; return take_length(line.value.in(bytes));
    case KnownName::kLocation:
      if (has_location_) return fail("there are two Location lines");
      has_location_ = true;
      location_ = line.value;
      return true;
    case KnownName::kContentType:
      if (has_type_) return fail("there are two Content-Type lines");
      has_type_ = true;
      ++other_fields_;
      return true;
    default: ++other_fields_; return take_other(line.name.in(bytes), line.value);
  }
}

bool CgiResponseReader::take_other(std::string_view name, Piece value) {
  const bool redirects = names_redirect(name);
  if (!redirects && !names_file(name)) return true;
  if (redirect_.size + file_.size > 0) return fail("there are two lines that name other content");
  if (value.size == 0) return fail("a line that names other content is empty");
  (redirects ? redirect_ : file_) = value;
  return true;
}

// Status: 3digit [SP reason] (section 6.3.3). 100 and 101 are between the client and the server.
bool CgiResponseReader::take_status(std::string_view bytes, Piece value) {
  if (status_ != 0) return fail("there are two Status lines");
  const std::string_view text = value.in(bytes);
  if (text.size() < 3 || !std::ranges::all_of(text.substr(0, 3), base::is_digit))
    return fail("Status is no number");
  if (text.size() > 3 && text[3] != ' ') return fail("Status is not of three digits");
  status_ = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  const bool switches = status_ == 101 && switching_ == Switching::kTaken;
  if ((status_ < 102 && !switches) || status_ > 599)
    return fail("Status is not between 200 and 599, nor an interim one");
  const std::string_view reason = base::trim_whitespace(text.substr(3));
  reason_ = {static_cast<uint32_t>(reason.data() - bytes.data()), static_cast<uint32_t>(reason.size())};
  return true;
}

bool CgiResponseReader::take_length(std::string_view value) {
  if (content_length_) return fail("there are two Content-Length lines");
  uint64_t length = 0;
  const char* const end = value.data() + value.size();
  const auto [parsed, error] = std::from_chars(value.data(), end, length);
  if (error != std::errc() || parsed != end || value.empty()) return fail("Content-Length is no number");
  content_length_ = length;
  return true;
}

bool CgiResponseReader::finish(std::string_view bytes) {
  if (line_count_ == 0) return fail("the header is empty");
  if (has_location_ && location_.size == 0) return fail("Location is empty");
  if (status_ < 200 && status_ != 0) {
    kind_ = status_ == 101 ? Kind::kSwitch : Kind::kInterim;
    return true;
  }
  if (redirect_.size + file_.size > 0) return finish_redirect(bytes);
  if (!has_location_) {
    if (!has_type_ && status_ == 0) return fail("the header has neither Content-Type, Location nor Status");
    kind_ = Kind::kDocument;
    if (status_ == 0) status_ = 200;
    return true;
  }
  const std::string_view location = location_.in(bytes);
  // "//host/path" is another server's.
  const bool local = location.starts_with('/') && !location.starts_with("//");
  kind_ = local && status_ == 0 && other_fields_ == 0 ? Kind::kLocalRedirect : Kind::kClientRedirect;
  if (status_ == 0) status_ = 302;
  return true;
}

bool CgiResponseReader::finish_redirect(std::string_view bytes) {
  if (redirect_.size > 0 && !redirect_.in(bytes).starts_with('/'))
    return fail("the path that the content is to come from does not begin with a slash");
  if (file_.size > 0 && !file_.in(bytes).starts_with('/'))
    return fail("the name of the file that is to be sent does not begin with a slash");
  kind_ = Kind::kElsewhere;
  if (status_ == 0) status_ = 200;
  return true;
}

void CgiResponseReader::add_fields(std::string_view bytes, http::Fields& fields,
                                   std::string_view private_prefix) const {
  for (size_t i = 0; i < line_count_; ++i) {
    const Line& line = lines_[i];
    const std::string_view beginning = line.name.in(bytes).substr(0, private_prefix.size());
    if (!private_prefix.empty() && base::equal_ignoring_case(beginning, private_prefix)) continue;
    const bool is_upgrade = kind_ == Kind::kSwitch && line.known == KnownName::kUpgrade;
    if (!is_upgrade && is_servers_business(line.known, line.name.in(bytes))) continue;
    fields.add(line.known, line.name.in(bytes), line.value.in(bytes));
  }
}

}  // namespace remuda::gateway::wire
