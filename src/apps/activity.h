// SPDX-License-Identifier: Apache-2.0
//
// Activity: the requests that an application works on, loop by loop: for status, and to end one from outside.
//
//     LiveRequest     one request, from acquire to the end of its lease; part of the lease, so it costs no
//                     allocation
//     Activity        those of one application on one loop; that loop's thread only
//     ActivityBoard   the Activities of one application on all loops: asks each on its own thread
//
// A board outlives the activities that are on it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "apps/source.h"
#include "apps/status.h"
#include "base/list.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::apps {

class LiveRequest : public base::Link<LiveRequest> {
 public:
  LiveRequest(const StartRequest& request, loop::Time now);

  void at(Phase phase) { phase_ = phase; }
  Phase phase() const { return phase_; }
  void work_by(uint64_t endpoint) { endpoint_ = endpoint; }
  uint64_t request() const { return request_; }

  // What kill() reaches: the event that the request waits on, later the scope of its exchange. Each until the
  // other or null is given.
  void wait_on(loop::Event* turn) { turn_ = turn; }
  void watch_kill(loop::Scope* scope);
  void kill();
  bool killed() const { return killed_; }

  RequestStatus status(loop::Time now) const;

 private:
  const uint64_t request_;
  const loop::Time since_;
  uint64_t endpoint_ = 0;
  loop::Event* turn_ = nullptr;
  loop::Scope* scope_ = nullptr;
  Phase phase_ = Phase::kQueue;
  bool killed_ = false;
  uint8_t method_length_;
  uint8_t target_length_;
  std::array<char, 16> method_;
  std::array<char, RequestStatus::kShownTarget> target_;
};

class ActivityBoard;

class Activity {
 public:
  Activity(ActivityBoard& board, loop::Loop& loop);
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  void add(LiveRequest& request);  // until it goes

 private:
  friend class ActivityBoard;
  struct Requests;
  std::shared_ptr<Requests> requests_;  // shared with questions that are on their way to this loop
  ActivityBoard& board_;
};

class ActivityBoard {
 public:
  ActivityBoard() = default;
  ActivityBoard(const ActivityBoard&) = delete;
  ActivityBoard& operator=(const ActivityBoard&) = delete;

  // From `asking`, which outlives every loop that is asked. A loop that does not answer by the deadline is
  // left out.
  loop::Task<std::vector<RequestStatus>> live(loop::Loop& asking, loop::Time deadline);
  // ENOENT: there is no such request (any more).
  loop::Task<base::Result<void>> end(loop::Loop& asking, uint64_t request, loop::Time deadline);

 private:
  friend class Activity;
  struct Question;
  loop::Task<void> ask(loop::Loop& asking, std::shared_ptr<Question> question, loop::Time deadline);

  std::mutex mutex_;
  std::vector<std::shared_ptr<Activity::Requests>> on_board_;
};

}  // namespace remuda::apps
