// SPDX-License-Identifier: Apache-2.0
//
// Offload: threads for what blocks (cold files, name look-ups). Shared by the loops of one process.
//
//     Result<Fd> file = co_await offload.run(loop, [&] { return open_beneath(...); });
//
// The call runs on one of the threads, the story goes on on its own loop. A call that has begun cannot be
// cancelled: the story waits for its end even if its Scope was cancelled, so references into its frame stay
// valid. With no threads, calls run at once on the loop: for tests, and for processes that serve one
// connection.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "loop/loop.h"
#include "loop/task.h"

namespace remuda::loop {

class Offload {
 public:
  // `queue_bound`: calls that wait for a thread; one more fails with EBUSY.
  Offload(unsigned threads, size_t queue_bound);
  ~Offload();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  // `call` returns a base::Result<T>, which is what the Task returns; EBUSY if the queue is full. Under a
  // Scope that was cancelled before, the call does not run.
  template <typename Call>
  auto run(Loop& loop, Call call) -> Task<std::invoke_result_t<Call>> {
    using Returned = std::invoke_result_t<Call>;
    Returned returned = base::failure(ECANCELED, "offload");
    const base::Result<void> ran = co_await Running(*this, loop, [&] { returned = call(); });
    if (!ran) co_return std::unexpected(ran.error());
    co_return returned;
  }

 private:
  struct Running : Awaiting<void> {
    Running(Offload& offload, Loop& its_loop, std::function<void()> call)
        : Awaiting<void>(its_loop, OperationKind::kOffload, -1, {}, kNever, "offload"),
          offload_(offload),
          call_(std::move(call)) {}
    bool await_ready();
    void await_suspend(std::coroutine_handle<> awaiting);
    Offload& offload_;
    std::function<void()> call_;
  };

  void work();

  const size_t queue_bound_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Running*> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace remuda::loop
