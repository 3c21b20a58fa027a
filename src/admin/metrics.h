// SPDX-License-Identifier: Apache-2.0
//
// A snapshot in Prometheus' text form (exposition format 0.0.4). Pure.
//
// Series are by application and by peer, never by process or request: their number is that of the
// configuration.
#pragma once

#include <string>

#include "admin/snapshot.h"

namespace remuda::admin {

inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const Snapshot& snapshot);

}  // namespace remuda::admin
