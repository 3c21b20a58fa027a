// SPDX-License-Identifier: Apache-2.0
//
// The queue and its threads. Completion travels through Loop::post, the only door into a loop.
#include "loop/offload.h"

namespace remuda::loop {

Offload::Offload(unsigned threads, size_t queue_bound) : queue_bound_(queue_bound) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

Offload::~Offload() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
}

bool Offload::Running::await_ready() {
  if (Awaiting<void>::await_ready()) return true;
  if (offload_.threads_.empty()) {
    call_();
    return true;
  }
  const std::scoped_lock lock(offload_.mutex_);
  if (offload_.queue_.size() < offload_.queue_bound_) return false;
  result = -EBUSY;
  return true;
}

void Offload::Running::await_suspend(std::coroutine_handle<> awaiting) {
  Awaiting<void>::await_suspend(awaiting);
  {
    const std::scoped_lock lock(offload_.mutex_);
    offload_.queue_.push_back(this);
  }
  offload_.arrived_.notify_one();
}

void Offload::work() {
  while (true) {
    Running* next = nullptr;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      next = queue_.front();
      queue_.pop_front();
    }
    next->call_();
    next->loop->post([next] { next->loop->complete_now(*next); });
  }
}

}  // namespace remuda::loop
