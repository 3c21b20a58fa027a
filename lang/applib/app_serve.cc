// SPDX-License-Identifier: Apache-2.0
//
// See app.h: dealing requests out to threads, one by one or to handlers, and when their answers leave.
//
// An answer may wait for those of other requests that have already arrived, so that one system call sends
// them all; but only while the thread has shown, kShortOnes times in a row, that it is back for the next one
// within kShort, work after remuda_finish() included. Otherwise it leaves at once. Nobody can know that the
// next one will be slow: then what waits has to wait for all of it. Each millisecond of that is a debt that
// is paid with one quick request, and before it is paid nothing waits again: requests of which one in many is
// slow are hardly ever in each other's way.
#include <errno.h>

#include "app.h"
#include "lock.h"

namespace remuda::app {
namespace {

constexpr Nanoseconds kShort = kMillisecond / 5;
constexpr Nanoseconds kLongestWait = kMillisecond / 2;
constexpr uint32_t kShortOnes = 64;

}  // namespace

void App::note_cycle(Nanoseconds time) {
  const bool same = pthread_equal(last_taker_, pthread_self()) != 0;
  const Nanoseconds taken = time - handed_out_at_;
  const bool quick = same && taken < kShort;
  short_ones_ = quick ? short_ones_ + 1 : 0;
  if (quick && debt_ > 0) --debt_;
  if (same && !quick && held_up_others_) debt_ += 1 + taken / kMillisecond;
  last_taker_ = pthread_self();
}

bool App::may_wait_for_others(const Request& request) const {
  return short_ones_ >= kShortOnes && debt_ == 0 && !news.empty() &&
         pthread_equal(request.taken_by, last_taker_) != 0 && pthread_equal(last_taker_, pthread_self()) != 0;
}

Request* App::take_news() {
  Request* request = news.pop();
  if (request == nullptr) return nullptr;
  if ((request->news & kBegin) != 0) {
    request->state = Request::State::kHeld;
    request->taken_by = pthread_self();
  }
  return request;
}

Request* App::next_news(Nanoseconds deadline, Condition done) {
  Nanoseconds time = now();
  note_cycle(time);
  if (news.empty() || stop_.load(std::memory_order_relaxed) ||
      (owed_since_ != 0 && time - owed_since_ > kLongestWait)) {
    ++acceptors_;
    if (leading_) listen_if_wanted();
    const bool reached = until(done, nullptr, deadline);
    --acceptors_;
    time = now();
    if (!reached) {
      errno = ETIMEDOUT;
      return nullptr;
    }
  }
  Request* request = take_news();
  if (!news.empty()) wake_acceptor();
  handed_out_at_ = time;
  held_up_others_ = owed_since_ != 0;
  if (request == nullptr) errno = 0;
  return request;
}

Request* App::accept(Nanoseconds deadline) {
  Lock lock(*this);
  constexpr auto done = [](const App& app, const Request*) { return app.ending || !app.news.empty(); };
  for (;;) {
    Request* request = next_news(deadline, done);
    if (request == nullptr) return nullptr;
    const bool is_new = (request->news & kBegin) != 0;
    request->news = 0;
    if (is_new) return request;
  }
}

// One callback; the next news of the request come up when it has returned.
void App::dispatch(Request& request, const remuda_handler& handler) {
  const uint64_t serial = request.serial;
  const uint8_t which = static_cast<uint8_t>(request.news & -request.news);
  request.news &= static_cast<uint8_t>(~which);
  request.in_callback = true;
  nudge();
  pthread_mutex_unlock(&mutex_);
  auto* const outside = reinterpret_cast<remuda_request*>(&request);
  int status = REMUDA_LATER;
  if (which == kBegin) {
    status = handler.request(outside, handler.context);
  } else if (which == kReadable && handler.readable != nullptr) {
    handler.readable(outside, handler.context);
  } else if (which == kWritable && handler.writable != nullptr) {
    handler.writable(outside, handler.context);
  } else if (which == kAborted && handler.aborted != nullptr) {
    handler.aborted(outside, handler.context);
  }
  if (status != REMUDA_LATER) finish(request, status);
  pthread_mutex_lock(&mutex_);
  callback_over(request, serial);
}

void App::serve_thread() {
  Lock lock(*this);
  constexpr auto done = [](const App& app, const Request*) {
    return !app.news.empty() || (app.ending && !app.busy());
  };
  while (Request* request = next_news(kForever, done)) dispatch(*request, *handler_);
  for (size_t i = 0; i < sleepers_.size(); ++i) sleepers_[i]->signal();
}

void* App::run_thread(void* app) {
  static_cast<App*>(app)->serve_thread();
  return nullptr;
}

int App::serve(const remuda_handler& handler) {
  handler_ = &handler;
  tells_aborts = handler.aborted != nullptr;
  Array<pthread_t> threads;
  int error = threads.reserve(threads_) ? 0 : ENOMEM;
  while (error == 0 && threads.size() + 1 < threads_) {
    pthread_t thread;
    error = pthread_create(&thread, nullptr, run_thread, this);
    if (error == 0) threads.push(thread);
  }
  if (error != 0) stop();
  serve_thread();
  for (size_t i = 0; i < threads.size(); ++i) pthread_join(threads[i], nullptr);
  errno = error;
  return error == 0 ? 0 : -1;
}

int App::step(const remuda_handler& handler, Nanoseconds deadline) {
  Lock lock(*this);
  tells_aborts = handler.aborted != nullptr;
  stepping_ = true;
  ++steps_;
  send_all();
  constexpr auto done = [](const App& app, const Request*) {
    return !app.news.empty() || (app.ending && !app.busy());
  };
  if (!leading_) {
    lead(done, nullptr, done(*this, nullptr) ? 0 : deadline);
  } else if (deadline > now()) {
    until(done, nullptr, deadline);  // a thread that waits for its own request works for all
  }
  if (stop_.load() && !ending) begin_ending();
  while (Request* request = take_news()) dispatch(*request, handler);
  send_all();
  while (Connection* connection = fresh_.pop()) watch(*connection);
  listen_if_wanted();
  --steps_;
  pass_on();
  return ending && !busy() ? 0 : 1;
}

}  // namespace remuda::app
