// SPDX-License-Identifier: Apache-2.0
//
// The SCGI wire, towards the application: one netstring of "NAME\0value\0" pairs, CONTENT_LENGTH first,
// SCGI=1 among them; the body follows it as it is, and the answer is a CGI program's output until the
// connection ends. Pure.
#pragma once

#include <string>
#include <string_view>

namespace remuda::gateway::wire {

// `variables`: "NAME=value\0" one after the other. CONTENT_LENGTH is 0 if it is not among them.
void append_scgi_request(std::string_view variables, std::string& out);

}  // namespace remuda::gateway::wire
