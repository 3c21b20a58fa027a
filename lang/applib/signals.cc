// SPDX-License-Identifier: Apache-2.0
//
// See signals.h. The handler only stores flags and writes to eventfds. It may run in any thread and at any
// moment, so it reads a list that is changed under a lock that it does not take, and who leaves the list
// waits until no handler is in it.
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <atomic>

#include "app.h"

namespace remuda::app {
namespace {

constinit std::atomic<App*> first{nullptr};
constinit std::atomic<uint32_t> handling{0};
pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
constexpr int kSignals[] = {SIGTERM, SIGUSR1};

void on_signal(int /*number*/) {
  const int saved = errno;
  handling.fetch_add(1);
  for (App* app = first.load(); app != nullptr; app = app->next_with_signals.load()) app->stop();
  handling.fetch_sub(1);
  errno = saved;
}

bool has_handler(const struct sigaction& action, void (*handler)(int)) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == handler;
}

void replace_handlers(void (*from)(int), void (*to)(int)) {
  for (const int number : kSignals) {
    struct sigaction action{};
    if (sigaction(number, nullptr, &action) != 0 || !has_handler(action, from)) continue;
    action = {};
    action.sa_handler = to;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
  }
}

}  // namespace

void take_signals(App& app) {
  pthread_mutex_lock(&changing);
  app.next_with_signals.store(first.load());
  first.store(&app);
  replace_handlers(SIG_DFL, on_signal);
  pthread_mutex_unlock(&changing);
}

void leave_signals(App& app) {
  pthread_mutex_lock(&changing);
  std::atomic<App*>* place = &first;
  while (place->load() != nullptr && place->load() != &app) place = &place->load()->next_with_signals;
  if (place->load() != nullptr) {
    place->store(app.next_with_signals.load());
    if (first.load() == nullptr) replace_handlers(on_signal, SIG_DFL);
  }
  pthread_mutex_unlock(&changing);
  while (handling.load() != 0) sched_yield();
}

}  // namespace remuda::app
