// SPDX-License-Identifier: Apache-2.0
//
// Destinations: what answers for a route on one loop, put together from the parts that its configuration
// names:
//
//     authorize --> filter --> files                      action files
//     authorize --> files first --> application           action app, with files beside it
//     authorize --> application | redirect | respond
//
// Called once for each route when a loop's site is made, on that loop's thread.
#pragma once

#include "cli/loop_apps.h"
#include "cli/shared_parts.h"
#include "content/file_cache.h"
#include "loop/offload.h"
#include "server/request_steps.h"

namespace remuda::cli {

// All outlive the destinations.
struct LoopGround {
  const SharedParts& shared;
  LoopApps& apps;
  content::FileCache& files;
  loop::Loop& loop;
  loop::Offload& offload;
};

server::Destination make_destination(const LoopGround& ground, size_t route);

}  // namespace remuda::cli
