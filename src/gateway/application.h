// SPDX-License-Identifier: Apache-2.0
//
// Application: what the handlers of one application have in common on one loop: where leases come from and
// how bytes travel over them. References and a name; the composition owns what they refer to, and everything
// outlives the handlers and the conversations that they began.
#pragma once

#include "apps/source.h"
#include "gateway/app_options.h"
#include "gateway/wire.h"
#include "loop/offload.h"

namespace remuda::gateway {

struct Application {
  apps::Source& source;
  Wire& wire;
  loop::Offload& offload;  // looks up scripts, reads and writes spool files
};

}  // namespace remuda::gateway
