// SPDX-License-Identifier: Apache-2.0
//
// Status codes: the phrases that the registry gives them (RFC 9110 section 15 and the IANA registry). Pure
// data, any thread.
#pragma once

#include <string_view>

namespace remuda::http {

// "Not Found"; for a code that is not registered the name of its class ("Client Error"), "" outside 100..599.
std::string_view reason_phrase(int status);

// Whether a final or informational response of this status can carry content, were the request not a HEAD
// (RFC 9110 section 6.4.1): not 1xx, 204, 304.
constexpr bool status_has_content(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace remuda::http
