// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/process_table.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace remuda::spawner {

Running* ProcessTable::find(pid_t pid) {
  const auto found = running_.find(pid);
  return found == running_.end() ? nullptr : &found->second;
}

pid_t ProcessTable::find(const Channel* channel, uint64_t id) const {
  for (const auto& [pid, running] : running_) {
    if (running.channel == channel && running.id == id) return pid;
  }
  return 0;
}

Running ProcessTable::remove(pid_t pid) {
  const auto found = running_.find(pid);
  CHECK(found != running_.end());
  Running running = std::move(found->second);
  running_.erase(found);
  ended_[ended_at_++ % ended_.size()] = {running.channel, running.id, pid};
  return running;
}

void ProcessTable::end(pid_t pid, int64_t now) {
  Running& running = running_.at(pid);
  if (running.kill_at != 0) return;
  signal_program(pid, running, SIGTERM);
  signal_program(pid, running, SIGCONT);  // one that is stopped hears nothing else
  running.kill_at = now + kill_after_;
  next_kill_ = std::min(next_kill_, running.kill_at);
}

void ProcessTable::end_all_of(const Channel* channel, int64_t now) {
  for (auto& [pid, running] : running_) {
    if (running.channel != channel) continue;
    running.channel = nullptr;
    if (running.instance == nullptr) end(pid, now);
  }
  for (Ended& ended : ended_) {
    if (ended.channel == channel) ended = {};
  }
}

void ProcessTable::end_all(int64_t now) {
  for (auto& [pid, running] : running_) end(pid, now);
}

std::vector<pid_t> ProcessTable::kill_overdue(int64_t now) {
  std::vector<pid_t> untold;
  if (now < next_kill_) return untold;
  next_kill_ = INT64_MAX;
  for (auto& [pid, running] : running_) {
    if (running.kill_at == 0) continue;
    if (running.kill_at <= now) {
      signal_program(pid, running, SIGKILL);
      if (running.parent == Parent::kTemplate && !is_there(running.pidfd) && has_ended(running.pidfd))
        untold.push_back(pid);
      running.kill_at = now + kill_after_;
    }
    next_kill_ = std::min(next_kill_, running.kill_at);
  }
  std::erase_if(formers_, [&](const Former& former) {
    const bool due = former.kill_at <= now;
    if (due && may_signal(former.channel, former.wish)) signal_group(former.wish.pid, SIGKILL);
    if (!due) next_kill_ = std::min(next_kill_, former.kill_at);
    return due;
  });
  return untold;
}

void ProcessTable::signal(const Channel* channel, const Signal& wish, int64_t now) {
  if (wish.signal <= 0 || wish.signal >= NSIG) return;
  if (const pid_t pid = find(channel, wish.id); pid == 0) {
    if (wish.pid > 1) signal_former(channel, wish, now);
  } else if (wish.signal == SIGTERM) {
    end(pid, now);
  } else {
    signal_program(pid, running_.at(pid), wish.signal);
  }
}

// Our own child has its number until we wait for it; another's until its parent has.
void ProcessTable::signal_program(pid_t pid, const Running& running, int number) {
  if (running.parent == Parent::kThisSpawner || is_there(running.pidfd)) signal_group(pid, number);
}

// The leader is not our child, or not any more: whether it is certain all the same whose group that is.
bool ProcessTable::may_signal(const Channel* channel, const Signal& wish) const {
  const bool ended_here = std::ranges::any_of(ended_, [&](const Ended& ended) {
    return ended.channel == channel && ended.id == wish.id && ended.pid == wish.pid;
  });
  if (ended_here && no_such_process(wish.pid)) return true;
  return orphans_.is_orphan(wish.pid);
}

void ProcessTable::signal_former(const Channel* channel, const Signal& wish, int64_t now) {
  if (running_.contains(wish.pid) || !may_signal(channel, wish)) return;
  signal_group(wish.pid, wish.signal);
  if (wish.signal != SIGTERM) return;
  signal_group(wish.pid, SIGCONT);
  formers_.push_back({channel, wish, now + kill_after_});
  next_kill_ = std::min(next_kill_, now + kill_after_);
}

}  // namespace remuda::spawner
