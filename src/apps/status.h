// SPDX-License-Identifier: Apache-2.0
//
// What an application looks like at one moment: plain values, copied out of pools, farms and loops, for
// status, top and metrics. Nothing here points into anything that lives.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/source.h"
#include "loop/time.h"

namespace remuda::apps {

// A request that somebody works on or that waits.
struct RequestStatus {
  uint64_t request = 0;  // its number in the logs
  std::string method;
  std::string target;  // at most kShownTarget bytes of it
  Phase phase = Phase::kQueue;
  loop::Duration age{};
  uint64_t endpoint = 0;  // Endpoint::id() of who works on it; 0: nobody yet
  static constexpr size_t kShownTarget = 120;
};

struct Drops {
  uint64_t full = 0;         // the queue was full
  uint64_t timed_out = 0;    // waited too long
  uint64_t hopeless = 0;     // would have waited too long
  uint64_t client_left = 0;  // left while waiting
  uint64_t unavailable = 0;  // nothing could be started, no peer was up
};

struct QueueStatus {
  size_t waiting = 0;
  size_t bound = 0;
  uint64_t admitted = 0;     // since the worker's start
  loop::Duration waited{};   // all of them together
  loop::Duration longest{};  // of those that wait now
  Drops dropped;
};

// Bytes; 0: not measured yet.
struct Memory {
  uint64_t resident = 0;      // RSS
  uint64_t proportional = 0;  // PSS
  uint64_t unique = 0;        // USS
};

struct InstanceStatus {
  enum class State : uint8_t { kStarting, kReady, kDraining, kStopping };
  uint64_t endpoint = 0;
  pid_t pid = 0;
  State state = State::kStarting;
  uint32_t generation = 1;  // one more with each rolling restart
  loop::Duration age{};
  loop::Duration idle{};  // since its last request; zero while it has one
  uint64_t requests = 0;  // answered
  uint32_t busy = 0;      // now
  Capacity capacity;
  Memory memory;
  loop::Duration cpu{};  // user and system, since its start
  std::string why;       // it drains or stops: "memory: 312 MiB above 256 MiB"; else empty
};

struct PeerStatus {
  enum class State : uint8_t { kUp, kSlowStart, kDown, kDraining };
  uint64_t endpoint = 0;
  std::string address;
  State state = State::kUp;
  uint32_t weight = 1;
  uint32_t busy = 0;
  uint64_t requests = 0;
  uint64_t failures = 0;
  loop::Duration down_for{};  // until it is tried again
  std::string trouble;        // of its last failure or failed check
};

// What processes are forked from. Of one that failed there is the reason until the next is tried.
struct TemplateStatus {
  enum class State : uint8_t { kLoading, kReady, kFailed };
  std::string program;  // empty: the application itself
  State state = State::kLoading;
  uint32_t generation = 1;
  pid_t pid = 0;
  loop::Duration age{};        // since it was begun
  loop::Duration loaded_in{};  // of one that is ready
  Memory memory;
  std::vector<std::string>
      lines;  // ready: what was loaded, with times; failed: why; loading: what has changed
};

struct TemplateCounters {
  uint64_t loads = 0;
  uint64_t failures = 0;
  loop::Duration loading{};  // all that succeeded, together
};

struct AppStatus {
  std::string name;
  std::string type;  // as in the configuration
  std::string model;
  uint64_t requests = 0;  // answered
  uint64_t failures = 0;  // Outcome::kFailed and kTimedOut
  uint64_t retries = 0;
  uint64_t starts = 0;  // of processes
  uint64_t failed_starts = 0;
  QueueStatus queue;
  std::vector<InstanceStatus> instances;
  std::vector<PeerStatus> peers;
  std::vector<TemplateStatus> templates;
  TemplateCounters template_counters;
  std::vector<RequestStatus> live;
  std::string trouble;               // "instances do not start: exited with status 1"; empty when all is well
  std::vector<std::string> journey;  // of the last start that failed, while there is trouble
  std::vector<std::string> sizing;   // the arithmetic of the automatic size, a line each; for pools
};

std::string_view to_string(Phase phase);                  // "queue", "start", "send", "app", "reply"
std::string_view to_string(InstanceStatus::State state);  // "starting" ...
std::string_view to_string(PeerStatus::State state);      // "up", "slow start" ...
std::string_view to_string(TemplateStatus::State state);  // "loading", "ready", "failed"

// The share of its memory that an instance has in common with others, mostly with its template: 0 to 100.
uint32_t shared_percent(const Memory& memory);
// What one more instance would cost: what half of those that are there have for themselves alone, or less. 0:
// not measured.
uint64_t memory_of_one_more(const AppStatus& app);

}  // namespace remuda::apps
