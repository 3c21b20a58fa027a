// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/wire/http_request.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/ascii.h"
#include "gateway/wire/passed_fields.h"

namespace remuda::gateway::wire {

namespace {

using http::Field;
using http::KnownName;

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_request_line(const http::Request& request, std::string& out) {
  out.append(request.method).append(" ").append(request.raw_path);
  if (request.has_query) out.append("?").append(request.query);
  out.append(" HTTP/1.1\r\n");
}

bool begins(std::string_view name, std::string_view lower) {
  return base::equal_ignoring_case(name.substr(0, lower.size()), lower);
}

// What says where a request comes from, beside the three that are written here.
bool tells_origin(const Field& field) {
  return field.known == KnownName::kForwarded || begins(field.name, "x-forwarded-") ||
         base::equal_ignoring_case(field.name, "x-real-ip");
}

bool is_passed_on(const http::Request& request, const Field& field, const HttpRequestHead& head) {
  if (!is_passed(request.fields, field) || field.known == KnownName::kHost) return false;
  if (field.known == KnownName::kAuthorization && !head.pass_authorization) return false;
  if (head.forwarded == Forwarded::kReplace && tells_origin(field)) return false;
  if (head.forwarded == Forwarded::kAppend && field.known == KnownName::kXForwardedFor) return false;
  return head.variables.empty() || !is_overruled(head.variables, field);
}

void append_fields(const http::Request& request, const HttpRequestHead& head, std::string& out) {
  for (const Field& field : request.fields.all()) {
    if (is_passed_on(request, field, head)) append_line(out, field.name, field.value);
  }
}

void append_forwarded(const http::Request& request, Forwarded how, std::string& out) {
  if (how == Forwarded::kPass) return;
  std::array<char, http::kAddressText> text;
  std::string_view peer = request.endpoints->peer.ip(text);
  if (peer.empty()) peer = "127.0.0.1";  // over a unix socket: it is from here
  const bool appends = how == Forwarded::kAppend;
  out.append("X-Forwarded-For: ");
  if (appends) {
    for (const Field* field = request.fields.first(KnownName::kXForwardedFor); field != nullptr;
         field = request.fields.next(*field))
      out.append(field->value).append(", ");
  }
  out.append(peer).append("\r\n");
  if (!appends || !request.fields.has(KnownName::kXForwardedProto))
    append_line(out, "X-Forwarded-Proto", request.endpoints->secure ? "https" : "http");
  if (!request.authority.empty() && (!appends || !request.fields.has(KnownName::kXForwardedHost)))
    append_line(out, "X-Forwarded-Host", request.authority);
}

void append_name(std::string_view variable, std::string& out) {
  bool begins_word = true;
  for (const char c : variable) {
    out.push_back(c == '_' ? '-' : begins_word ? c : base::to_lower(c));
    begins_word = c == '_';
  }
}

bool is_safe(std::string_view name, std::string_view value) {
  for (const char c : name) {
    if (c != '_' && !base::is_letter(c) && !base::is_digit(c)) return false;
  }
  for (const char c : value) {
    if (base::is_control(c) && c != '\t') return false;
  }
  return !name.empty();
}

// Those of one name once: the first holds. Host is among them if it is told another one.
bool append_variables(std::string_view variables, std::string& out) {
  constexpr std::string_view kPrefix = "HTTP_";
  bool has_host = false;
  std::string_view done = variables.substr(0, 0);
  for (std::string_view rest = variables; !rest.empty();) {
    const std::string_view variable = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), variable.size() + 1));
    const std::string_view whole_name = variable.substr(0, variable.find('='));
    const std::string_view name = whole_name.starts_with(kPrefix) ? whole_name.substr(kPrefix.size()) : "";
    const std::string_view value = variable.substr(std::min(variable.size(), whole_name.size() + 1));
    const bool is_first = !is_overruled(done, {.name = name, .value = {}});
    done = variables.substr(0, variables.size() - rest.size());
    if (!is_safe(name, value) || !is_first) continue;
    has_host = has_host || name == "HOST";
    append_name(name, out);
    out.append(": ").append(value).append("\r\n");
  }
  return has_host;
}

void append_framing(const http::Request& request, const HttpRequestHead& head, std::string& out) {
  switch (head.body) {
    case HttpRequestHead::Body::kNone: break;
    case HttpRequestHead::Body::kLength:
      fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", head.length);
      break;
    case HttpRequestHead::Body::kChunked: out.append("Transfer-Encoding: chunked\r\n"); break;
  }
  if (head.upgrade) {
    out.append("Connection: upgrade\r\n");
    for (const Field* field = request.fields.first(KnownName::kUpgrade); field != nullptr;
         field = request.fields.next(*field))
      append_line(out, "Upgrade", field->value);
  } else if (head.after == HttpRequestHead::After::kClose) {
    out.append("Connection: close\r\n");
  }
}

}  // namespace

bool asks_for_upgrade(const http::Request& request) {
  return request.version == http::Version::k11 && request.fields.has(KnownName::kUpgrade) &&
         request.fields.list_has(KnownName::kConnection, "upgrade");
}

void append_http_request(const http::Request& request, const HttpRequestHead& head, std::string& out) {
  append_request_line(request, out);
  if (!append_variables(head.variables, out))
    append_line(out, "Host", request.authority.empty() ? "localhost" : request.authority);
  append_fields(request, head, out);
  append_forwarded(request, head.forwarded, out);
  out.append("Via: 1.1 remuda\r\n");
  append_framing(request, head, out);
  out.append("\r\n");
}

void append_http_chunk(std::string_view bytes, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out.append(bytes).append("\r\n");
}

}  // namespace remuda::gateway::wire
