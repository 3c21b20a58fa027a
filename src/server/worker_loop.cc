// SPDX-License-Identifier: Apache-2.0
//
// Order of construction is order of dependence; the end runs it backwards: connections, then the site's own
// stories, then the loop.
#include "server/worker_loop.h"

namespace remuda::server {

WorkerLoop::WorkerLoop(std::unique_ptr<loop::Backend> backend, WorkerLoopOptions options)
    : backend_(std::move(backend)),
      options_(std::move(options)),
      loop_(*backend_),
      gate_(loop_, options_.connections),
      beside_(loop_) {}

WorkerLoop::~WorkerLoop() {
  driver_.reset();
  status_.reset();
  site_.reset();
  DCHECK(loop_.root().children() == 0);
}

void WorkerLoop::use(std::unique_ptr<Site> site) {
  site_ = std::move(site);
  driver_ = std::make_unique<http::h1::Driver>(loop_, site_->service(), options_.http);
  driver_->when_one_ends([this] { gate_.leave(); });
  site_->start(beside_);
  http::Service* const admin = options_.status_socket >= 0 ? site_->admin() : nullptr;
  if (admin == nullptr) return;
  status_ = std::make_unique<StatusListener>(loop_, options_.status_socket, *admin, site_->log());
  beside_.spawn(status_->run(beside_));
}

void WorkerLoop::run() {
  for (const int listener : options_.listeners) {
    backend_->set_wake_up(listener, options_.wake_up);
    gate_.add_listener(listener);
    acceptors_.push_back(std::make_unique<Acceptor>(loop_, listener, *driver_, gate_, site_->log()));
    loop_.root().spawn(accept(*acceptors_.back()));
  }
  run_to_the_end();
}

void WorkerLoop::run_one(base::Fd connection, http::Address peer) {
  gate_.enter();
  loop_.root().spawn(driver_->serve(loop::LoopFd(loop_, std::move(connection)), peer));
  run_to_the_end();
}

loop::Task<void> WorkerLoop::accept(Acceptor& acceptor) {
  co_await acceptor.run();
  ++acceptors_ended_;
  if (acceptors_ended_ == acceptors_.size() && options_.let_go_of_listeners) options_.let_go_of_listeners();
}

// The site's own stories end last: connections use them to their end.
void WorkerLoop::run_to_the_end() {
  loop_.run();
  beside_.cancel();
  while (beside_.children() > 0) loop_.turn(loop::kNever);
  site_->flush();
}

void WorkerLoop::drain(loop::Duration grace) {
  if (!close_gate()) return;
  beside_.spawn(stop_after(grace));
  driver_->close_idle();
}

// False: it was closed already, and the listeners' numbers may be others' by now.
bool WorkerLoop::close_gate() {
  if (gate_.is_closed()) return false;
  gate_.close();
  for (const auto& acceptor : acceptors_) acceptor->wake();
  return true;
}

loop::Task<void> WorkerLoop::stop_after(loop::Duration grace) {
  const auto slept = co_await loop_.sleep_until(loop_.now() + grace);
  if (!slept) co_return;
  const size_t left = driver_->connections();
  if (left > 0)
    site_->log().warning("{} connections were cut: they did not end within the time of grace", left);
  stop();
}

void WorkerLoop::stop() {
  close_gate();
  loop_.root().cancel();
}

}  // namespace remuda::server
