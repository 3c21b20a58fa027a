// SPDX-License-Identifier: Apache-2.0
//
// From fork to exit of a worker.
#include "server/worker.h"

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "loop/frame_allocator.h"
#include "server/control.h"

namespace remuda::server {

namespace {

// After the supervisor's death nobody would enforce the grace: what is in flight gets this long.
constexpr std::chrono::seconds kOrphanedGrace{1};

class Worker {
 public:
  Worker(const WorkerPlan& plan, WorkerSeat seat) : plan_(plan), seat_(std::move(seat)) {}

  int run() {
    if (const auto opened = open_logs(); !opened) return report(opened.error());
    if (plan_.identity) {
      if (const auto became = become(*plan_.identity, plan_.user_name); !became)
        return report(became.error());
    }
    offload_.emplace(plan_.offload_threads, kOffloadQueue);
    if (const auto made = make_loops(); !made) return report(made.error());
    run_loops();
    return 0;
  }

 private:
  static constexpr size_t kOffloadQueue = 4096;

  base::Result<void> open_logs() {
    auto log = base::Log::open(plan_.error_log);
    if (!log) return std::unexpected(log.error());
    log_ = std::move(*log);
    if (!plan_.access_log) return {};
    auto writer = LogWriter::open(*plan_.access_log, *log_);
    if (!writer) return std::unexpected(writer.error());
    access_ = std::move(*writer);
    return {};
  }

  int report(const base::Error& error) {
    const std::string text = base::to_string(error);
    if (log_) {
      log_->error("the worker cannot start: {}", text);
    } else {
      ::dprintf(STDERR_FILENO, "remuda: the worker cannot start: %s\n", text.c_str());
    }
    return 1;
  }

  base::Result<void> make_loops() {
    const size_t count = seat_.connection ? 1 : plan_.threads;
    WorkerLoopOptions options = plan_.loop;
    loops_that_listen_ = count;
    options.let_go_of_listeners = [this] {
      if (--loops_that_listen_ > 0) return;
      for (const int listener : plan_.loop.listeners) ::close(listener);
    };
    for (size_t i = 0; i < count; ++i) {
      options.status_socket = i == 0 ? seat_.status_socket : -1;
      auto backend = loop::EpollBackend::create();
      if (!backend) return std::unexpected(backend.error());
      loops_.push_back(std::make_unique<WorkerLoop>(std::move(*backend), options));
    }
    return {};
  }

  void run_loops() {
    loop::Loop& first = loops_[0]->loop();
    other_ended_.emplace(first);
    others_running_ = loops_.size() - 1;
    std::vector<std::jthread> others;
    for (size_t i = 1; i < loops_.size(); ++i) {
      others.emplace_back([this, i, &first] {
        run_loop(i);
        first.post([this] {
          --others_running_;
          other_ended_->notify_all();
        });
      });
    }
    loops_[0]->beside().spawn(hear_the_supervisor());
    first.root().spawn(wait_for_the_others());
    run_loop(0);
  }

  // Keeps loop 0 running, which hears the supervisor, until the other loops have ended.
  loop::Task<void> wait_for_the_others() {
    while (others_running_ > 0 && co_await other_ended_->wait(loop::kNever)) {
    }
  }

  // On the loop's own thread.
  void run_loop(size_t index) {
    WorkerLoop& worker_loop = *loops_[index];
    base::Fd channel;
    if (index < seat_.spawner_channels.size()) channel = std::move(seat_.spawner_channels[index]);
    worker_loop.use(plan_.make_site({.loop = worker_loop.loop(),
                                     .offload = *offload_,
                                     .gate = worker_loop.gate(),
                                     .log = *log_,
                                     .access = access_.get(),
                                     .spawner_channel = std::move(channel),
                                     .first_request_id = first_request_id(index),
                                     .loop_index = index,
                                     .place = seat_.place,
                                     .run_directory = seat_.run_directory}));
    if (seat_.connection) {
      worker_loop.run_one(std::move(seat_.connection), seat_.peer);
    } else {
      worker_loop.run();
    }
    loop::release_unused_frames();
  }

  // Numbers of different processes and loops do not meet: random above, counted below.
  static uint64_t first_request_id(size_t index) {
    uint32_t random = 0;
    if (::getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
      random = static_cast<uint32_t>(::getpid());
    return (static_cast<uint64_t>(random) << 40) + (static_cast<uint64_t>(index & 0xff) << 32);
  }

  // On loop 0, until its last connection has ended.
  loop::Task<void> hear_the_supervisor() {
    loop::Loop& loop = loops_[0]->loop();
    if (!send_control(seat_.control, ControlMessage::kReady)) log_->warning("the supervisor does not listen");
    bool supervised = true;
    while (supervised && co_await loop.readable(seat_.control, loop::kNever)) supervised = hear_all();
    loop.detach(seat_.control);
  }

  // False: the supervisor is gone.
  bool hear_all() {
    while (true) {
      const auto message = receive_control(seat_.control);
      if (message) {
        obey(*message);
      } else if (message.error().code == EPIPE) {
        log_->warning("the supervisor is gone; ending");
        for_each_loop([](WorkerLoop& worker_loop) { worker_loop.drain(kOrphanedGrace); });
        return false;
      } else {
        return true;
      }
    }
  }

  void obey(ControlMessage message) {
    switch (message) {
      case ControlMessage::kDrain:
        for_each_loop([grace = plan_.grace](WorkerLoop& worker_loop) { worker_loop.drain(grace); });
        return;
      case ControlMessage::kStop: for_each_loop([](WorkerLoop& worker_loop) { worker_loop.stop(); }); return;
      case ControlMessage::kReopenLogs:
        log_->reopen();
        if (access_) access_->reopen();
        return;
      case ControlMessage::kReady: return;
    }
  }

  template <typename Call>
  void for_each_loop(Call call) {
    for (const auto& each : loops_) {
      each->loop().post([&worker_loop = *each, call] { call(worker_loop); });
    }
  }

  const WorkerPlan& plan_;
  WorkerSeat seat_;
  std::unique_ptr<base::Log> log_;
  std::unique_ptr<LogWriter> access_;
  std::optional<loop::Offload> offload_;
  std::vector<std::unique_ptr<WorkerLoop>> loops_;
  std::optional<loop::Event> other_ended_;  // on loop 0, as the count
  size_t others_running_ = 0;
  std::atomic<size_t> loops_that_listen_ = 0;
};

}  // namespace

int run_worker(const WorkerPlan& plan, WorkerSeat seat) {
  Worker worker(plan, std::move(seat));
  return worker.run();
}

}  // namespace remuda::server
