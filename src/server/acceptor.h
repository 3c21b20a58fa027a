// SPDX-License-Identifier: Apache-2.0
//
// Acceptor: the story of one listening socket on one loop. Takes connections while the gate has room and
// starts the connection's story for each; it never looks into them.
//
//     room? --no--> let go of the listener; a client waits? an idle connection gives way; until there is room
//       | yes
//     accept --> serve (beside)
//       | EMFILE, ENFILE, ENOBUFS, ENOMEM: said now and then, pause, try again (served connections go on)
#pragma once

#include "base/log.h"
#include "http/h1/driver.h"
#include "loop/loop.h"
#include "server/gate.h"

namespace remuda::server {

class Acceptor {
 public:
  // `listener` is shared with other loops and processes, non-blocking, and outlives the acceptor.
  Acceptor(loop::Loop& loop, int listener, http::h1::Driver& driver, Gate& gate, base::Log& log);

  // Runs until the gate closes or the loop is cancelled; then takes what already waits in the queue, and lets
  // go of the listener.
  loop::Task<void> run();

  // Ends the wait for the next connection, so that run() sees that the gate is closed.
  void wake() { loop_.cancel_reading(listener_); }

 private:
  bool is_over() const { return gate_.is_closed() || loop_.root().cancelled() != 0; }
  loop::Task<void> wait_for_room();
  loop::Task<void> pause(const base::Error& error);
  void serve(int socket, const http::Address& peer);
  void take_what_waits();

  loop::Loop& loop_;
  int listener_;
  http::h1::Driver& driver_;
  Gate& gate_;
  base::Log& log_;
  loop::Time complain_again_{};
};

}  // namespace remuda::server
