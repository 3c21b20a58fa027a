// SPDX-License-Identifier: Apache-2.0
//
// Figures: what a worker has done since it started, over all its loops, for status and metrics. Each loop
// counts on its own, without a lock (base/counter.h); whoever wants to know adds them up, on any thread. A
// loop that has ended stays in the sums.
//
//     loop: RequestCounters, Gate --- Seat --- Figures (one for the worker) --- total()
#pragma once

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "http/handler.h"

namespace remuda::server {

class Gate;

// Of one loop: every request that the access log has a line for is counted once.
class RequestCounters {
 public:
  static constexpr size_t kClasses = 6;  // [n]: answered with nxx; [0]: not answered, the client had left

  void count(const http::Record& record) {
    requests_[class_of(record.status)].add();
    received_.add(record.bytes_received);
    sent_.add(record.bytes_sent);
  }

  uint64_t requests(size_t its_class) const { return requests_[its_class].get(); }
  uint64_t bytes_received() const { return received_.get(); }
  uint64_t bytes_sent() const { return sent_.get(); }

 private:
  // What no RFC has a class for counts with the errors.
  static size_t class_of(int status) { return std::min<size_t>(static_cast<size_t>(status) / 100, 5); }

  std::array<base::Counter, kClasses> requests_;
  base::Counter received_;
  base::Counter sent_;
};

struct FiguresTotal {
  uint64_t loops = 0;        // that run
  uint64_t connections = 0;  // open now
  uint64_t accepted = 0;     // connections, ever
  std::array<uint64_t, RequestCounters::kClasses> requests{};
  uint64_t bytes_received = 0;  // of request bodies
  uint64_t bytes_sent = 0;      // of responses, heads included
};

class Figures {
 public:
  // One loop's part. Both outlive the seat; the loop's own thread takes it and gives it back.
  class Seat {
   public:
    Seat(Figures& figures, const RequestCounters& requests, const Gate& gate);
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

   private:
    friend class Figures;
    Figures& figures_;
    const RequestCounters& requests_;
    const Gate& gate_;
  };

  FiguresTotal total() const;

 private:
  static void add(FiguresTotal& sum, const Seat& seat);

  mutable std::mutex mutex_;
  FiguresTotal ended_;  // what loops that have ended had counted
  std::vector<const Seat*> seats_;
};

}  // namespace remuda::server
