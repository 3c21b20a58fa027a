// SPDX-License-Identifier: Apache-2.0
//
// ask_values(): what an application says about itself when it is asked with GET_VALUES (section 4.1), over a
// connection of its own: many close it, or do not answer. Some of those can be found out: two requests are
// begun before the question, and left in the middle of their parameters, so that nothing works on them. Who
// does not multiplex refuses the second (libfcgi), answers one, or closes the connection. One loop.
#pragma once

#include <cstdint>

#include "apps/endpoint.h"
#include "base/result.h"
#include "gateway/wire/fastcgi_values.h"
#include "loop/loop.h"

namespace remuda::gateway::fastcgi {

enum class Trial : uint8_t { kNo, kTwoRequests };

// An error if it has not answered by the deadline, or not in FastCGI's terms. `endpoint` stays meanwhile.
loop::Task<base::Result<wire::FastcgiValues>> ask_values(loop::Loop& loop, apps::Endpoint& endpoint,
                                                         Trial trial, loop::Time deadline);

}  // namespace remuda::gateway::fastcgi
