// SPDX-License-Identifier: Apache-2.0
//
// describe(): a request as the meta-variables of an application: what wire/cgi_request.h needs to know beside
// the request itself, gathered from the connection and the options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/app_options.h"
#include "gateway/wire/cgi_request.h"
#include "http/handler.h"

namespace remuda::gateway {

// What only the caller knows.
struct Subject {
  wire::CgiRole role = wire::CgiRole::kResponder;
  std::string_view script_name;      // decoded
  std::string_view path_info;        // decoded
  std::string_view script_filename;  // of the program's file
  std::string_view document_root;    // empty: as the options say
  std::optional<uint64_t> content_length;
  wire::CgiData data;  // of a filter
};

// What authorizers said of this request, and what is configured for every one: "NAME=value\0" one after the
// other, of one name the first.
std::string_view variables_beside(const http::Exchange& exchange, const AppOptions& options);

// Appends the block.
void describe(const http::Exchange& exchange, const AppOptions& options, const Subject& subject,
              std::string& block);

}  // namespace remuda::gateway
