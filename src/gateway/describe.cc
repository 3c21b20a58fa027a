// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/describe.h"

#include "http/target.h"

namespace remuda::gateway {

namespace {

constexpr size_t kUsualBlock = 2048;

// A Unix socket's end has no address; REMOTE_ADDR must be one.
std::string_view or_loopback(std::string_view address) { return address.empty() ? "127.0.0.1" : address; }

std::string_view document_root(const AppOptions& options, const Subject& subject) {
  if (!subject.document_root.empty()) return subject.document_root;
  return options.document_root.empty() ? options.root : options.document_root;
}

}  // namespace

// What authorizers said comes first: it is about this request.
std::string_view variables_beside(const http::Exchange& exchange, const AppOptions& options) {
  std::string_view all = exchange.variables;
  for (const auto& [name, value] : options.variables)
    all = exchange.arena.join(all, name, "=", value, std::string_view("\0", 1));
  return all;
}

void describe(const http::Exchange& exchange, const AppOptions& options, const Subject& subject,
              std::string& block) {
  const http::Request& request = exchange.request;
  const http::Endpoints& ends = *request.endpoints;
  const http::LocalEnd& local = request.local();
  std::array<char, http::kAddressText> peer_text;
  wire::CgiContext context{.role = subject.role,
                           .script_name = subject.script_name,
                           .path_info = subject.path_info,
                           .script_filename = subject.script_filename};
  context.document_root = document_root(options, subject);
  context.server_software = options.server_software;
  context.server_admin = options.server_admin;
  context.server_name = options.server_name;
  const auto authority = http::parse_authority(request.authority, exchange.arena);
  if (authority && !authority->host.empty()) context.server_name = authority->host;
  context.secure = ends.secure;
  context.server_address = or_loopback(local.ip());
  context.server_port = local.port;
  if (context.server_port == 0) {
    const auto said = authority ? authority->port : std::nullopt;
    context.server_port = said.value_or(ends.secure ? 443 : 80);
  }
  context.remote_address = or_loopback(ends.peer.ip(peer_text));
  context.remote_port = ends.peer.port();
  context.pass_authorization = options.authorization == Authorization::kPass;
  context.content_length = subject.content_length;
  context.variables = variables_beside(exchange, options);
  context.data = subject.data;
  block.reserve(block.size() + kUsualBlock);
  wire::append_cgi_variables(request, context, block);
}

}  // namespace remuda::gateway
