// SPDX-License-Identifier: Apache-2.0
//
// StatusListener: the Unix socket on which a worker says what its applications do (src/admin). Opened by the
// supervisor, one for each worker's place, and served on the home loop beside everything else: its
// connections count in no gate, stand in no access log, keep no loop running, and are answered until the
// loop has ended, a drain included.
//
// Only whoever started the server (and root) may connect: mode 0600.
#pragma once

#include <string>

#include "base/log.h"
#include "base/result.h"
#include "http/h1/driver.h"
#include "loop/event.h"
#include "loop/loop.h"

namespace remuda::server {

// Listening, non-blocking. Errors: of socket(2), bind(2); ENAMETOOLONG.
base::Result<base::Fd> open_status_socket(const std::string& path);

class StatusListener {
 public:
  // `socket` is shared with the supervisor and outlives this, as does everything else.
  StatusListener(loop::Loop& loop, int socket, http::Service& service, base::Log& log);

  // Accepts and serves below `scope` until that is cancelled.
  loop::Task<void> run(loop::Scope& scope);

 private:
  loop::Loop& loop_;
  int socket_;
  base::Log& log_;
  loop::Event one_ended_;
  http::h1::Driver driver_;
};

}  // namespace remuda::server
