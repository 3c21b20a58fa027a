// SPDX-License-Identifier: Apache-2.0
//
// A snapshot as text for people: `remuda status`. Pure; every byte that came from outside is escaped.
#pragma once

#include <cstdint>
#include <string>

#include "admin/snapshot.h"

namespace remuda::cli {

enum class StatusDetail : uint8_t {
  kOverview,  // instances and peers with the request that each has
  kAll,       // and every request, waiting or not, and the arithmetic of the size
};

std::string status_text(const admin::Snapshot& snapshot, StatusDetail detail);

// --- pieces that `top` and `explain app` share

// "POST /wp-login.php (app, 340ms)", the oldest of those that `endpoint` works on, "and 2 more".
std::string current_request(const apps::AppStatus& app, uint64_t endpoint);
// "1/4": requests that it has, of those that it takes at once.
std::string busy_text(const apps::InstanceStatus& instance);
// "queue: 2 of 100 waiting, the first for 120ms; ..."
std::string queue_line(const apps::QueueStatus& queue);
// A line for each template, its own lines below it, and what one more instance costs; empty if there are
// none.
std::string templates_text(const apps::AppStatus& app, StatusDetail detail);
// "4 full, 1 timed out"; empty when nothing was dropped.
std::string dropped_text(const apps::Drops& dropped);
uint64_t dropped_count(const apps::Drops& dropped);

}  // namespace remuda::cli
