// SPDX-License-Identifier: Apache-2.0
//
// What a request goes by where several processes or peers could answer it (StartRequest::key). Pure.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "gateway/app_options.h"
#include "http/message.h"

namespace remuda::gateway {

// A view into the request or the arena; empty: no wish.
std::string_view request_key(const http::Request& request, const AppOptions& options, base::Arena& arena);

// The value of the first cookie of that name (RFC 6265 section 4.2); empty if there is none.
std::string_view find_cookie(const http::Fields& fields, std::string_view name);

}  // namespace remuda::gateway
