// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/announcer.h"

#include <signal.h>

#include <utility>

#include "spawner/channel.h"
#include "spawner/clock.h"
#include "spawner/kinship.h"

namespace remuda::spawner {

namespace {

constexpr int64_t kStartedDelay = 5 * kMillisecond;

}  // namespace

// Whoever had the number before has ended, and is told late: by a pidfd, or by a template.
void Announcer::begun(pid_t pid, Running running) {
  keeper_.make_room(pid);
  if (processes_.find(pid) != nullptr) ended(pid, kUnknownStatus, {});
  const int64_t due = running.times.started + kStartedDelay;
  Running& added = processes_.add(pid, std::move(running));
  if (added.instance == nullptr) {
    announcements_.push_back({due, pid});
    return;
  }
  keeper_.keep(pid, added);
  announce(pid);
}

void Announcer::ended(pid_t pid, int status, const Usage& usage) {
  const Running running = processes_.remove(pid);
  // A template has waited for its fork a while ago: the number may be another's.
  const bool left_others =
      kill(-pid, 0) == 0 && (running.parent == Parent::kThisSpawner || no_such_process(pid));
  if (running.kill_at != 0 && left_others) signal_group(pid, SIGKILL);  // they had the same time
  if (running.instance != nullptr) keeper_.forget(pid);
  if (running.channel == nullptr) return;
  Exited exited{.id = running.id, .pid = pid, .status = status, .times = running.times, .usage = usage};
  exited.left_others = left_others;
  exited.times.ended = now_ns();
  running.channel->reply(exited);
}

void Announcer::announce_due(int64_t now) {
  while (!announcements_.empty() && announcements_.front().due <= now) {
    const pid_t pid = announcements_.front().pid;
    announcements_.pop_front();
    announce(pid);
  }
}

// Nothing if it has ended already. The number is safe to use where it has no pidfd: it is our child and has
// not been waited for. (A number that was used again meanwhile is announced a little early.)
void Announcer::announce(pid_t pid) {
  Running* const running = processes_.find(pid);
  if (running == nullptr || running->announced || running->channel == nullptr) return;
  running->announced = true;
  base::Fd pidfd =
      running->pidfd || running->parent != Parent::kThisSpawner ? copy_of(running->pidfd) : open_pidfd(pid);
  running->channel->reply_with(Started{running->id, pid, running->times}, std::move(pidfd));
}

}  // namespace remuda::spawner
