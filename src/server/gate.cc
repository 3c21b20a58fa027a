// SPDX-License-Identifier: Apache-2.0
//
// The look at the accept queues.
#include "server/gate.h"

#include <poll.h>

#include <algorithm>

namespace remuda::server {

bool Gate::somebody_waits() const {
  return std::ranges::any_of(listeners_, [](int listener) {
    pollfd asked{.fd = listener, .events = POLLIN, .revents = 0};
    return ::poll(&asked, 1, 0) > 0;
  });
}

}  // namespace remuda::server
