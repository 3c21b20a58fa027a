// SPDX-License-Identifier: Apache-2.0
//
// See signals.h. The handler only stores a flag and writes to an eventfd.
#include "signals.h"

#include <errno.h>
#include <signal.h>

#include <atomic>

#include "app.h"

namespace remuda::app {
namespace {

constinit std::atomic<App*> owner{nullptr};
constexpr int kSignals[] = {SIGTERM, SIGUSR1};

void on_signal(int /*number*/) {
  const int saved = errno;
  if (App* app = owner.load()) app->stop();
  errno = saved;
}

}  // namespace

void take_signals(App& app) {
  App* none = nullptr;
  if (!owner.compare_exchange_strong(none, &app)) return;
  for (const int number : kSignals) {
    struct sigaction old{};
    if (sigaction(number, nullptr, &old) != 0 || (old.sa_flags & SA_SIGINFO) != 0 ||
        old.sa_handler != SIG_DFL) {
      continue;
    }
    struct sigaction mine{};
    mine.sa_handler = on_signal;
    mine.sa_flags = SA_RESTART;
    sigaction(number, &mine, nullptr);
  }
}

void leave_signals(App& app) {
  App* me = &app;
  if (owner.load() != &app) return;
  for (const int number : kSignals) {
    struct sigaction old{};
    if (sigaction(number, nullptr, &old) == 0 && (old.sa_flags & SA_SIGINFO) == 0 &&
        old.sa_handler == on_signal) {
      old.sa_handler = SIG_DFL;
      sigaction(number, &old, nullptr);
    }
  }
  owner.compare_exchange_strong(me, nullptr);
}

}  // namespace remuda::app
