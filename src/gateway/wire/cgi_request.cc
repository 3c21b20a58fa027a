// SPDX-License-Identifier: Apache-2.0
//
// See the header. Fields become HTTP_* variables (section 4.1.18) unless they are framing, of the connection,
// answered by a variable of their own, or could be mistaken for another: a name with anything but letters,
// digits and "-" is dropped, since "X_A" and "X.A" would map to the name of "X-A".
#include "gateway/wire/cgi_request.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.h"

namespace remuda::gateway::wire {

namespace {

using http::Field;
using http::KnownName;

void append(std::string& block, std::string_view name, std::string_view value) {
  block.append(name).push_back('=');
  block.append(value).push_back('\0');
}

void append_number(std::string& block, std::string_view name, uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  append(block, name, std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
}

bool is_never_passed(KnownName name) {
  switch (name) {
    case KnownName::kConnection:
    case KnownName::kKeepAlive:
    case KnownName::kProxyConnection:
    case KnownName::kProxyAuthorization:
    case KnownName::kTE:
    case KnownName::kTrailer:
    case KnownName::kTransferEncoding:
    case KnownName::kUpgrade:
    case KnownName::kExpect:
    case KnownName::kContentLength:
    case KnownName::kContentType:
    case KnownName::kProxy:  // httpoxy
      return true;
    default: return false;
  }
}

// Whether a Connection field may take this field away (RFC 9110 section 7.6.1). Not those that decide who
// asks for what.
bool may_be_named_by_connection(const Field& field) {
  switch (field.known) {
    case KnownName::kHost:
    case KnownName::kAuthorization:
    case KnownName::kForwarded:
    case KnownName::kXForwardedFor:
    case KnownName::kXForwardedHost:
    case KnownName::kXForwardedProto:
    case KnownName::kCookie: return false;
    default: return !base::equal_ignoring_case(field.name.substr(0, 8), "content-");
  }
}

bool has_plain_name(std::string_view name) {
  return std::ranges::all_of(name,
                             [](char c) { return base::is_letter(c) || base::is_digit(c) || c == '-'; });
}

bool is_passed(const http::Fields& fields, const Field& field, bool pass_authorization) {
  if (is_never_passed(field.known) || !has_plain_name(field.name)) return false;
  if (field.known == KnownName::kAuthorization && !pass_authorization) return false;
  if (!fields.has(KnownName::kConnection)) return true;
  return !may_be_named_by_connection(field) || !fields.list_has(KnownName::kConnection, field.name);
}

bool same_name(const Field& one, const Field& other) {
  if (one.known != KnownName::kOther || other.known != KnownName::kOther) return one.known == other.known;
  return base::equal_ignoring_case(one.name, other.name);
}

void append_field(std::string& block, const http::Fields& fields, size_t at) {
  const std::span<const Field> all = fields.all();
  const Field& field = all[at];
  block += "HTTP_";
  for (const char c : field.name) block.push_back(c == '-' ? '_' : base::to_upper(c));
  block.push_back('=');
  block += field.value;
  const std::string_view separator = field.known == KnownName::kCookie ? "; " : ", ";
  for (const Field& later : all.subspan(at + 1)) {
    if (same_name(field, later)) block.append(separator).append(later.value);
  }
  block.push_back('\0');
}

void append_fields(std::string& block, const http::Fields& fields, bool pass_authorization) {
  const std::span<const Field> all = fields.all();
  for (size_t i = 0; i < all.size(); ++i) {
    if (!is_passed(fields, all[i], pass_authorization)) continue;
    const auto is_same = [&](const Field& earlier) { return same_name(earlier, all[i]); };
    if (std::ranges::none_of(all.first(i), is_same)) append_field(block, fields, i);
  }
}

void append_path(std::string& block, const CgiContext& context) {
  append(block, "SCRIPT_NAME", context.script_name);
  append(block, "SCRIPT_FILENAME", context.script_filename);
  if (!context.document_root.empty()) append(block, "DOCUMENT_ROOT", context.document_root);
  append(block, "PATH_INFO", context.path_info);
  if (context.path_info.empty() || context.document_root.empty()) return;
  block.append("PATH_TRANSLATED=").append(context.document_root);
  block.append(context.path_info).push_back('\0');
}

}  // namespace

void append_cgi_variables(const http::Request& request, const CgiContext& context, std::string& block) {
  append(block, "GATEWAY_INTERFACE", "CGI/1.1");
  append(block, "SERVER_SOFTWARE", context.server_software);
  append(block, "SERVER_PROTOCOL", http::to_string(request.version));
  append(block, "SERVER_NAME", context.server_name);
  append_number(block, "SERVER_PORT", context.server_port);
  append(block, "SERVER_ADDR", context.server_address);
  if (!context.server_admin.empty()) append(block, "SERVER_ADMIN", context.server_admin);
  append(block, "REQUEST_METHOD", request.method);
  append(block, "REQUEST_SCHEME", context.secure ? "https" : "http");
  if (context.secure) append(block, "HTTPS", "on");
  block.append("REQUEST_URI=").append(request.raw_path);
  if (request.has_query) block.append("?").append(request.query);
  block.push_back('\0');
  append(block, "QUERY_STRING", request.query);
  append_path(block, context);
  append(block, "REMOTE_ADDR", context.remote_address);
  append(block, "REMOTE_HOST", context.remote_address);
  if (context.remote_port != 0) append_number(block, "REMOTE_PORT", context.remote_port);
  append(block, "REDIRECT_STATUS", "200");
  if (context.content_length) append_number(block, "CONTENT_LENGTH", *context.content_length);
  if (request.fields.has(KnownName::kContentType))
    append(block, "CONTENT_TYPE", request.fields.get(KnownName::kContentType));
  append_fields(block, request.fields, context.pass_authorization);
}

}  // namespace remuda::gateway::wire
