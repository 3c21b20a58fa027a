// SPDX-License-Identifier: Apache-2.0
//
// The CGI wire, towards the program: a request as meta-variables (RFC 3875 section 4.1), one block of
// "NAME=value\0".
//
// Pure: no loop, no clock, no system call. The names and rules of every variable stand here and nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace remuda::gateway::wire {

// An authorizer (FastCGI 1.0 section 6.3) is not told which script it is about, nor of a body.
enum class CgiRole : uint8_t { kResponder, kAuthorizer, kFilter };

// Of the file that a filter gets (section 6.4).
struct CgiData {
  uint64_t length = 0;
  int64_t last_modified = 0;  // seconds since 1970; 0: not known
};

// What the gateway knows beside the request itself. Views outlive the call.
struct CgiContext {
  CgiRole role = CgiRole::kResponder;
  std::string_view script_name;      // decoded; with path_info it is the decoded path of the request
  std::string_view path_info;        // decoded; "" if there is none
  std::string_view script_filename;  // of the program's file
  std::string_view document_root;    // "": unset, and PATH_TRANSLATED with it
  std::string_view server_name;      // valid, without a port; never ""
  std::string_view server_software;
  std::string_view server_admin;  // "": unset
  std::string_view server_address;
  uint16_t server_port = 80;
  std::string_view remote_address;
  uint16_t remote_port = 0;
  bool secure = false;
  bool pass_authorization = false;
  std::optional<uint64_t> content_length;  // exact; none if the request has no body
  // What authorizers said of this request, and what is configured, "NAME=value\0" one after the other, of one
  // name the first. They stand above the client's fields and below the server's own variables.
  std::string_view variables;
  CgiData data;
};

// Appends the block.
void append_cgi_variables(const http::Request& request, const CgiContext& context, std::string& block);

}  // namespace remuda::gateway::wire
