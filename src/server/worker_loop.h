// SPDX-License-Identifier: Apache-2.0
//
// WorkerLoop: one event loop of a worker with all that belongs to it: backend, gate, site, HTTP driver,
// acceptors. Lives on one thread; only post() may be called from others.
//
// Its life: run() -> connections come and go -> drain() or the end of its only connection -> the last
// connection has ended -> run() returns.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "http/h1/driver.h"
#include "loop/backend/epoll.h"
#include "server/acceptor.h"
#include "server/gate.h"
#include "server/site.h"
#include "server/status_listener.h"

namespace remuda::server {

struct WorkerLoopOptions {
  std::vector<int> listeners;
  int status_socket = -1;  // served by the site's admin(), if it has one
  loop::WakeUp wake_up = loop::WakeUp::kAll;
  uint32_t connections = 1;
  http::h1::Options http;
  // Called on the loop's thread when it will not look at the listeners again. May be empty.
  std::function<void()> let_go_of_listeners;
};

class WorkerLoop {
 public:
  WorkerLoop(std::unique_ptr<loop::Backend> backend, WorkerLoopOptions options);
  ~WorkerLoop();
  WorkerLoop(const WorkerLoop&) = delete;
  WorkerLoop& operator=(const WorkerLoop&) = delete;

  loop::Loop& loop() { return loop_; }
  Gate& gate() { return gate_; }

  // Before run(): who answers.
  void use(std::unique_ptr<Site> site);

  // Accepts on the listeners until drain(), and returns when the last connection has ended.
  void run();

  // Serves this connection alone and returns when it has ended.
  void run_one(base::Fd connection, http::Address peer);

  // No new connections; idle ones close, the others after their response, all of them when `grace` has
  // passed. On the loop's thread.
  void drain(loop::Duration grace);

  // Every connection ends now. On the loop's thread.
  void stop();

  // For stories that do not keep the loop running: cancelled when its last connection has ended.
  loop::Scope& beside() { return beside_; }

 private:
  void run_to_the_end();
  loop::Task<void> accept(Acceptor& acceptor);
  bool close_gate();
  loop::Task<void> stop_after(loop::Duration grace);

  std::unique_ptr<loop::Backend> backend_;
  WorkerLoopOptions options_;
  loop::Loop loop_;
  Gate gate_;
  loop::Scope beside_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<http::h1::Driver> driver_;
  std::unique_ptr<StatusListener> status_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  size_t acceptors_ended_ = 0;
};

}  // namespace remuda::server
