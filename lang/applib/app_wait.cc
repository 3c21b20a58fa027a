// SPDX-License-Identifier: Apache-2.0
//
// See app.h: how threads wait. One of those that wait leads: it sleeps in epoll_wait and works for all; the
// others sleep on their Waiter. Whoever leaves sees to it that somebody leads while others sleep.
#include <sys/timerfd.h>
#include <unistd.h>

#include "app.h"
#include "lock.h"

namespace remuda::app {
namespace {

constexpr Nanoseconds kPatience = 10 * kMillisecond;

}  // namespace

bool App::until(Condition done, Request* request, Nanoseconds deadline) {
  bool reached = false;
  bool gave_way = false;
  for (bool waited = false;; waited = true) {
    if (stop_.load(std::memory_order_relaxed) && !ending) begin_ending();
    send_all();
    reached = done(*this, request);
    if (reached || (waited && deadline != kForever && now() >= deadline)) break;
    if (leading_) {
      nudge();
      sleep(request, deadline);
      continue;
    }
    // Who led now would take the wake-up that is meant for the program's event loop. A loop that does not
    // come holds nobody up for long.
    gave_way = wants_step() && !gave_way;
    if (gave_way) {
      nudge();
      const Nanoseconds patience = now() + kPatience;
      sleep(request, patience < deadline ? patience : deadline);
      continue;
    }
    lead(done, request, deadline);
    if (!news.empty() && !done(*this, request)) wake_acceptor();
  }
  pass_on();
  return reached;
}

void App::lead(Condition done, const Request* request, Nanoseconds deadline) {
  leading_ = true;
  leader_done_ = done;
  leader_request_ = request;
  turn(deadline);
  leading_ = false;
}

void App::sleep(Request* request, Nanoseconds deadline) {
  Waiter waiter{.wake = {}, .request = request};
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&waiter.wake, &attributes);
  pthread_condattr_destroy(&attributes);
  const bool listed = sleepers_.push(&waiter);
  // Without memory to be found in, it looks again in a moment.
  if (!listed && deadline > now() + kMillisecond) deadline = now() + kMillisecond;
  if (request != nullptr) request->waiter = &waiter;
  const timespec until{.tv_sec = deadline / 1'000'000'000, .tv_nsec = deadline % 1'000'000'000};
  while (!waiter.signalled && (deadline == kForever || now() < deadline)) {
    if (deadline == kForever) {
      pthread_cond_wait(&waiter.wake, &mutex_);
    } else {
      pthread_cond_timedwait(&waiter.wake, &mutex_, &until);
    }
  }
  if (request != nullptr) request->waiter = nullptr;
  for (size_t i = 0; i < sleepers_.size(); ++i) {
    if (sleepers_[i] != &waiter) continue;
    sleepers_[i] = sleepers_.back();
    sleepers_.pop();
    break;
  }
  pthread_cond_destroy(&waiter.wake);
}

void App::wake_acceptor() {
  for (size_t i = 0; i < sleepers_.size(); ++i) {
    if (sleepers_[i]->request == nullptr && !sleepers_[i]->signalled) return sleepers_[i]->signal();
  }
}

void App::pass_on() {
  if (leading_ || sleepers_.empty()) return;
  for (size_t i = 0; i < sleepers_.size(); ++i) {
    if (sleepers_[i]->signalled) return;  // that one will lead, or pass it on
  }
  sleepers_[0]->signal();
}

// Called before the lock is let go: what has been done under it may be what the sleeping leader waits for, or
// something for it to receive.
void App::nudge() {
  if (poked_) return;
  const bool leader = leader_done_ != nullptr && (!again_.empty() || leader_done_(*this, leader_request_));
  if (leader || wants_step() || (stepping_ && steps_ == 0 && !again_.empty())) poke();
}

bool App::wants_step() const { return stepping_ && steps_ == 0 && (!news.empty() || (ending && !busy())); }

void App::poke() {
  poked_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof(one));
}

Nanoseconds App::next_deadline() const {
  Nanoseconds next = rests_until_ != 0 ? rests_until_ : kForever;
  const Connection* connection = lingering_ > 0 ? connections_.front() : nullptr;
  for (; connection != nullptr; connection = connections_.after(*connection)) {
    const Nanoseconds until = connection->lingers_until;
    if (until != 0 && until < next) next = until;
  }
  return next;
}

// There is something to do at that time, and while the program's event loop waits no epoll_wait of ours ends
// then. Too early does no harm.
void App::remind(Nanoseconds at) {
  if (!stepping_ || at == kForever || (timer_at_ != 0 && timer_at_ <= at)) return;
  timer_at_ = at;
  const itimerspec when{.it_interval = {}, .it_value = {at / 1'000'000'000, at % 1'000'000'000}};
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

int App::timeout_of(Nanoseconds deadline) const {
  if (!again_.empty()) return 0;
  const Nanoseconds next = next_deadline();
  if (next < deadline) deadline = next;
  if (deadline == kForever) return -1;
  const Nanoseconds left = deadline - now();
  if (left <= 0) return 0;
  const Nanoseconds milliseconds = (left + kMillisecond - 1) / kMillisecond;
  return milliseconds > 1'000'000 ? 1'000'000 : static_cast<int>(milliseconds);
}

void App::turn(Nanoseconds deadline) {
  const int timeout = timeout_of(deadline);
  if (timeout != 0 || !listening_) listen_if_wanted();  // who only looks leaves it as it is
  while (Connection* connection = fresh_.pop()) watch(*connection);
  epoll_event events[64];
  pthread_mutex_unlock(&mutex_);
  const int count = epoll_wait(epoll_, events, 64, timeout);
  pthread_mutex_lock(&mutex_);
  leader_done_ = nullptr;
  List<Connection, AgainTag> again;
  again.take(again_);
  for (int i = 0; i < count; ++i) on_event(events[i]);
  while (Connection* connection = again.pop()) receive(*connection);
  if (lingering_ > 0) expire();
  if (stepping_ && timer_at_ == 0) remind(next_deadline());
  clear_graves();
}

}  // namespace remuda::app
