// SPDX-License-Identifier: Apache-2.0
//
// What a client is answered when an application could not be asked. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "apps/source.h"

namespace remuda::gateway {

struct Refusal {
  int status = 0;
  std::string trouble;  // one line, for the log and the development page
  std::optional<std::chrono::seconds> retry_after{};
};

// No lease was had.
Refusal refusal_for(const apps::AcquireFailure& failure);

// The request's body did not come whole: with `error` of http::Body::read, or of the file that it was spooled
// into.
int status_for_body_error(int error);

// Methods that may be sent again although the first might have had its effect (RFC 9110 section 9.2.2).
bool is_idempotent(std::string_view method);

}  // namespace remuda::gateway
