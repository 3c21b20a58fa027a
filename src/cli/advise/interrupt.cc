// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/advise/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>

#include "base/check.h"

namespace remuda::cli::advise {

Interrupt::Interrupt() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&wanted, number);
  CHECK(::sigprocmask(SIG_BLOCK, &wanted, &before_) == 0);
  signals_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  CHECK(signals_.get() >= 0);
}

Interrupt::~Interrupt() {
  number();  // one that has come late must not end the process when the signals are let through
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int Interrupt::number() {
  signalfd_siginfo came{};
  while (::read(signals_.get(), &came, sizeof came) == sizeof came)
    number_ = static_cast<int>(came.ssi_signo);
  return number_;
}

void Interrupt::pause(std::chrono::milliseconds duration) {
  if (has_come()) return;
  pollfd asked{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  ::poll(&asked, 1, static_cast<int>(duration.count()));
}

}  // namespace remuda::cli::advise
