// SPDX-License-Identifier: Apache-2.0
//
// What was measured of an application under one model, as plain values: what the advice is chosen by and what
// the reports show. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"

namespace remuda::cli::advise {

using Micros = std::chrono::microseconds;

// What the answers carried. Two models answer alike when both are constant and equal.
struct Content {
  bool is_constant = true;  // every answer was the same, octet by octet
  uint64_t size = 0;        // of the first
  uint64_t digest = 0;      // of the first; good enough to tell answers of one application apart

  bool operator==(const Content&) const = default;
};

// How requests were answered, one after the other or several at once.
struct Answers {
  std::vector<Micros> latencies;  // of those that were answered well, sorted
  std::map<int, uint32_t> statuses;
  uint32_t sent = 0;
  uint32_t failed = 0;        // status 400 and above, or no whole answer
  std::string first_failure;  // "502 Bad Gateway", "the connection was closed in the middle of an answer"
  uint32_t unfinished = 0;    // the time was over: not sent, or not waited for
  Micros took{};              // from the first request to the last answer
  Content content;

  uint32_t answered() const { return static_cast<uint32_t>(latencies.size()); }
  double rate() const;  // answers a second; 0: none
};

// Bytes of PSS; 0: none, or not measured.
struct Memory {
  uint64_t at_rest = 0;  // of the application while nobody asks: template, instances
  uint64_t at_peak = 0;  // while several ask
  uint64_t each = 0;     // USS of one process that answers: what one more request at once takes
};

// Processor time of one request, user and system.
struct Processor {
  Micros server{};
  Micros application{};
  Micros total() const { return server + application; }
};

struct Figures {
  config::AppModel model = config::AppModel::kExec;
  std::string trouble;               // why nothing was measured, a sentence; empty: it was
  std::vector<std::string> details;  // lines of the private server's log that say more of the trouble
  std::vector<std::string> remarks;  // what is to be known of the figures, a sentence each
  uint64_t starts = 0;               // of processes, over all requests
  uint32_t requests = 0;             // all that were sent, those that were not measured included
  Micros first{};                    // to the answer to the first request of all
  Answers answers;
  Processor processor;
  Memory memory;

  bool works() const { return trouble.empty() && answers.answered() > 0; }
};

// The nearest rank: the smallest value that is not below `percent` of all. Zero without values, which are
// sorted.
Micros percentile(const std::vector<Micros>& sorted, double percent);

}  // namespace remuda::cli::advise
