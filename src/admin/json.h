// SPDX-License-Identifier: Apache-2.0
//
// The JSON of the status API, written and read: GET /status, `remuda status --json`. Pure; the JSON library
// stays inside.
//
//     { "version", "supervisor_pid",
//       "workers": [ { "pid", "uptime_ms", "loops", "connections", "accepted",
//                      "requests": { "total", "1xx" ... "5xx", "unanswered" },
//                      "bytes_received", "bytes_sent" } ],
//       "total":   { the same, of all workers },
//       "apps":    [ { "name", "type", "model",
//                      "requests", "failures", "retries", "starts", "failed_starts",
//                      "queue": { "waiting", "bound", "admitted", "waited_ms", "longest_ms",
//                                 "dropped": { "full", "timed_out", "hopeless",
//                                              "client_left", "unavailable" } },
//                      "instances": [ { "endpoint", "pid", "state", "generation",
//                                       "age_ms", "idle_ms", "requests", "busy",
//                                       "capacity": { "requests", "connections", "multiplexes" },
//                                       "rss_bytes", "pss_bytes", "uss_bytes", "cpu_ms", "why" } ],
//                      "peers": [ { "endpoint", "address", "state", "weight", "busy",
//                                   "requests", "failures", "down_for_ms", "trouble" } ],
//                      "live": [ { "request" (as in the logs), "method", "target", "phase",
//                                  "age_ms", "endpoint", "by" (its pid or address) } ],
//                      "trouble", "journey": [], "sizing": [] } ] }
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admin/snapshot.h"
#include "apps/control.h"

namespace remuda::admin {

// Indented, with a newline at the end. Bytes that are no UTF-8 become U+FFFD.
std::string to_json(const Snapshot& snapshot);
std::string to_json(const apps::RestartReport& report);
std::string error_json(std::string_view sentence);
std::string done_json(std::string_view sentence);

// What is missing, because a server of another version does not say it, is zero or empty; what is unknown is
// passed over. Nothing if the text is no JSON object.
std::optional<Snapshot> parse_snapshot(std::string_view text);
std::optional<apps::RestartReport> parse_restart_report(std::string_view text);
// What error_json or done_json was given; empty if the text is neither.
std::string parse_sentence(std::string_view text);

// "00c0ffee00000001", and back.
std::string request_text(uint64_t request);
std::optional<uint64_t> parse_request(std::string_view text);

}  // namespace remuda::admin
