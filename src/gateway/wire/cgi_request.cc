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
#include "gateway/wire/passed_fields.h"

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

// Content-Type has a variable of its own.
bool becomes_variable(const http::Fields& fields, const Field& field, bool pass_authorization) {
  if (field.known == KnownName::kContentType) return false;
  if (field.known == KnownName::kAuthorization && !pass_authorization) return false;
  return is_passed(fields, field);
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

void append_fields(std::string& block, const http::Fields& fields, const CgiContext& context) {
  const std::span<const Field> all = fields.all();
  for (size_t i = 0; i < all.size(); ++i) {
    if (!becomes_variable(fields, all[i], context.pass_authorization)) continue;
    if (!context.variables.empty() && is_overruled(context.variables, all[i])) continue;
    const auto is_same = [&](const Field& earlier) { return same_name(earlier, all[i]); };
    if (std::ranges::none_of(all.first(i), is_same)) append_field(block, fields, i);
  }
}

// Whether `block` has a variable of that name, from `begin` on.
bool has_variable(std::string_view block, size_t begin, std::string_view name) {
  while (begin < block.size()) {
    if (block.substr(begin).starts_with(name) && block[begin + name.size()] == '=') return true;
    begin = block.find('\0', begin) + 1;
  }
  return false;
}

// Those that have no name of the server's own, and of one name the first.
void append_variables(std::string& block, size_t begin, std::string_view variables) {
  while (!variables.empty()) {
    const size_t size = variables.find('\0') + 1;
    const std::string_view name = variables.substr(0, variables.find('='));
    if (!has_variable(block, begin, name)) block.append(variables.substr(0, size));
    variables.remove_prefix(size);
  }
}

void append_path(std::string& block, const CgiContext& context) {
  append(block, "SCRIPT_FILENAME", context.script_filename);
  if (!context.document_root.empty()) append(block, "DOCUMENT_ROOT", context.document_root);
  if (context.role == CgiRole::kAuthorizer) return;
  append(block, "SCRIPT_NAME", context.script_name);
  append(block, "PATH_INFO", context.path_info);
  if (context.path_info.empty() || context.document_root.empty()) return;
  block.append("PATH_TRANSLATED=").append(context.document_root);
  block.append(context.path_info).push_back('\0');
}

}  // namespace

void append_cgi_variables(const http::Request& request, const CgiContext& context, std::string& block) {
  const size_t begin = block.size();
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
  if (context.content_length && context.role != CgiRole::kAuthorizer)
    append_number(block, "CONTENT_LENGTH", *context.content_length);
  if (request.fields.has(KnownName::kContentType))
    append(block, "CONTENT_TYPE", request.fields.get(KnownName::kContentType));
  if (context.role == CgiRole::kFilter) {
    append_number(block, "FCGI_DATA_LENGTH", context.data.length);
    append_number(block, "FCGI_DATA_LAST_MOD", static_cast<uint64_t>(context.data.last_modified));
  }
  if (!context.variables.empty()) append_variables(block, begin, context.variables);
  append_fields(block, request.fields, context);
}

}  // namespace remuda::gateway::wire
