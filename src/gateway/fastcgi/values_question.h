// SPDX-License-Identifier: Apache-2.0
//
// ask_values(): what an application says about itself when it is asked with GET_VALUES (section 4.1), over a
// connection of its own: many close it, or do not answer. One loop.
#pragma once

#include "apps/endpoint.h"
#include "base/result.h"
#include "gateway/wire/fastcgi_values.h"
#include "loop/loop.h"

namespace remuda::gateway::fastcgi {

// An error if it has not answered by the deadline, or not in FastCGI's terms. `endpoint` stays meanwhile.
loop::Task<base::Result<wire::FastcgiValues>> ask_values(loop::Loop& loop, apps::Endpoint& endpoint,
                                                         loop::Time deadline);

}  // namespace remuda::gateway::fastcgi
