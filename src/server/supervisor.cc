// SPDX-License-Identifier: Apache-2.0
//
// See the picture in the header. Everything here runs on one loop in one thread; a worker's record lives
// until its control socket has ended, which is after its process has.
#include "server/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "loop/backend/epoll.h"
#include "loop/event.h"
#include "server/children.h"
#include "server/control.h"
#include "server/run_directory.h"
#include "server/status_listener.h"

namespace remuda::server {

namespace {

constexpr std::chrono::seconds kQuickDeath{1};
constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::seconds kLongestDelay{5};
constexpr std::chrono::seconds kBetweenComplaints{10};
constexpr std::chrono::milliseconds kBeyondGrace{500};  // workers cut their connections themselves
constexpr std::chrono::milliseconds kStopPatience{300};
constexpr std::chrono::seconds kSpawnerPatience{5};  // it gives programs TERM, and KILL after three seconds

enum class Stop : uint8_t { kNot, kDrain, kNow };

// A child that is replaced when it dies: at once, unless it dies again and again within its first second.
struct Respawn {
  loop::Time started{};
  unsigned quick_deaths = 0;

  loop::Duration delay(loop::Time now) {
    if (now - started >= kQuickDeath) quick_deaths = 0;
    if (quick_deaths++ == 0) return {};
    const auto doubled = kFirstDelay * (1 << std::min(quick_deaths - 2, 8U));
    return std::min<loop::Duration>(doubled, kLongestDelay);
  }
};

// The spawner's end of a loop's channel, for the next spawner.
struct KeptChannel {
  base::Fd socket;
  spawner::NewChannel what;

  spawner::ChannelEnd end() const { return {.socket = socket.get(), .what = what}; }
};

struct WorkerRecord {
  pid_t pid = 0;
  int control = -1;  // closed by the story that watches it
  std::vector<KeptChannel> channels;
  size_t place = 0;  // which of the configured processes it is
  bool ready = false;
};

class Supervisor {
 public:
  Supervisor(SupervisorPlan plan, base::Log& log, std::unique_ptr<loop::Backend> backend, base::Fd signals)
      : plan_(std::move(plan)),
        log_(log),
        backend_(std::move(backend)),
        loop_(*backend_),
        signals_(loop_, std::move(signals)),
        child_ended_(loop_),
        respawns_(plan_.processes) {}

  int run() {
    if (!prepare_log_files() || !prepare_run_directory()) return 1;
    if (!plan_.apps.empty() && !start_spawner()) return 1;
    loop_.root().spawn(hear_signals());
    if (plan_.start == config::Start::kPerConnection) {
      for (ListeningSocket& listener : plan_.listeners)
        loop_.root().spawn(accept_connections(listener.socket));
      be_ready();
    } else {
      for (size_t place = 0; place < plan_.processes; ++place) start_worker_at(place);
    }
    loop_.run();
    kill_adopted();
    if (run_directory_) run_directory_->remove();
    for (const ListeningSocket& listener : plan_.listeners) {
      if (!listener.unlink_path.empty()) ::unlink(listener.unlink_path.c_str());
    }
    return exit_code_;
  }

 private:
  // --- starting
  // ------------------------------------------------------------------------------------------------ Owned by
  // the workers' user, so that workers can open them anew; the directory may belong to root.
  bool prepare_log_files() {
    for (const std::string& path : plan_.log_files) {
      const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640));
      if (!file) return complain("open the log " + path, {errno, "open"});
      const auto& identity = plan_.worker.identity;
      if (identity && ::fchown(file.get(), identity->user, identity->group) < 0) {
        log_.warning("cannot give the log {} to the workers' user: {}", path,
                     base::to_string({errno, "fchown"}));
      }
    }
    return true;
  }

  // Only instances cannot do without. A process for one connection has neither them nor a status.
  bool prepare_run_directory() {
    if (plan_.run_directory.empty() || plan_.start == config::Start::kPerConnection) return true;
    auto made = RunDirectory::make(plan_.run_directory, plan_.worker.identity);
    if (!made) {
      const bool needed = std::ranges::any_of(
          plan_.apps, [](const auto& app) { return app.outlives == spawner::Outlives::kWorker; });
      log_.write(needed ? base::LogLevel::kError : base::LogLevel::kWarning, made.error());
      return !needed;
    }
    run_directory_ = std::move(*made);
    if (run_directory_->is_second()) {
      log_.warning("another server runs with this configuration; this one has its sockets in {}",
                   run_directory_->path());
    }
    for (size_t place = 0; place < plan_.processes; ++place) open_status_socket_of(place);
    return true;
  }

  void open_status_socket_of(size_t place) {
    const std::string path = fmt::format("{}/status.{}.sock", run_directory_->path(), place);
    auto socket = open_status_socket(path);
    if (!socket) {
      log_.warning("no status at {}: {}", path, base::to_string(socket.error()));
      socket = base::Fd();
    }
    status_sockets_.push_back(std::move(*socket));
  }

  bool start_spawner() {
    auto pair = spawner::make_socket_pair();
    if (!pair) return complain("start the spawner", pair.error());
    spawner::Options options{.supervisor = ::getpid(),
                             .control = pair->spawner.get(),
                             .channels = {},
                             .instances = instances_.all(),
                             .apps = plan_.apps,
                             .generation = ++spawner_generation_};
    for (const auto& worker : workers_) {
      for (const KeptChannel& channel : worker->channels) options.channels.push_back(channel.end());
    }
    spawner_respawn_.started = loop_.now();
    const auto child =
        fork_child("remuda:spawner", descriptors_for(options), [&options] { return spawner::run(options); });
    if (!child) return complain("start the spawner", child.error());
    spawner_pid_ = *child;
    spawner_control_ = pair->worker.release();
    loop_.root().spawn(hear_spawner(spawner_control_));
    return true;
  }

  static std::vector<int> descriptors_for(const spawner::Options& options) {
    std::vector<int> keep{options.control};
    for (const spawner::ChannelEnd& channel : options.channels) keep.push_back(channel.socket);
    for (const spawner::Inheritance& instance : options.instances)
      keep.insert(keep.end(), {instance.pidfd, instance.errors});
    return keep;
  }

  // What it says of the instances that run, until it has ended.
  loop::Task<void> hear_spawner(int control) {
    while (co_await loop_.readable(control, loop::kNever) && instances_.receive(control)) {
    }
    if (spawner_control_ == control) spawner_control_ = -1;
    loop_.close(control);
  }

  void start_worker_at(size_t place) {
    respawns_[place].started = loop_.now();
    if (!start_worker(place, base::Fd(), {})) loop_.root().spawn(start_again(place));
  }

  bool start_worker(size_t place, base::Fd connection, http::Address peer) {
    auto record = std::make_shared<WorkerRecord>();
    record->place = place;
    auto control = spawner::make_socket_pair();
    if (!control) return complain("start a worker", control.error());
    WorkerSeat seat{.control = control->spawner.get(),
                    .spawner_channels = {},
                    .place = place,
                    .run_directory = run_directory_ ? run_directory_->path() : "",
                    .status_socket = place < status_sockets_.size() ? status_sockets_[place].get() : -1,
                    .connection = std::move(connection),
                    .peer = peer};
    if (const auto opened = open_channels(seat, *record); !opened)
      return complain("start a worker", opened.error());
    const auto child = fork_child("remuda:worker", descriptors_for(seat),
                                  [this, &seat] { return run_worker(plan_.worker, std::move(seat)); });
    if (!child) return complain("start a worker", child.error());
    record->pid = *child;
    record->control = control->worker.release();
    workers_.push_back(record);
    loop_.root().spawn(watch(record));
    return true;
  }

  base::Result<void> open_channels(WorkerSeat& seat, WorkerRecord& record) {
    const uint32_t count = plan_.apps.empty() ? 0 : (seat.connection ? 1 : plan_.worker.threads);
    for (uint32_t i = 0; i < count; ++i) {
      auto pair = spawner::make_socket_pair();
      if (!pair) return std::unexpected(pair.error());
      // Applications are managed on the first loop.
      const bool is_home = i == 0 && plan_.start == config::Start::kAhead;
      KeptChannel channel{std::move(pair->spawner),
                          {.serial = ++last_channel_,
                           .place = is_home ? static_cast<int32_t>(record.place) : spawner::kNoPlace}};
      if (spawner_control_ >= 0) {
        const auto sent = spawner::send_channel(spawner_control_, channel.end());
        if (!sent) log_.warning("the spawner takes no new channel: {}", base::to_string(sent.error()));
      }
      seat.spawner_channels.push_back(std::move(pair->worker));
      record.channels.push_back(std::move(channel));
    }
    return {};
  }

  std::vector<int> descriptors_for(const WorkerSeat& seat) const {
    std::vector<int> keep{seat.control};
    if (seat.status_socket >= 0) keep.push_back(seat.status_socket);
    for (const base::Fd& channel : seat.spawner_channels) keep.push_back(channel.get());
    if (seat.connection) {
      keep.push_back(seat.connection.get());
    } else {
      for (const ListeningSocket& listener : plan_.listeners) keep.push_back(listener.socket.get());
    }
    return keep;
  }

  bool complain(std::string_view what, const base::Error& error) {
    log_.error("cannot {}: {}", what, base::to_string(error));
    return false;
  }

  void be_ready() {
    if (std::exchange(was_ready_, true)) return;
    if (plan_.on_ready) plan_.on_ready();
  }

  // --- watching
  // ------------------------------------------------------------------------------------------------ Until
  // the worker's end of the control socket is closed: it has ended.
  loop::Task<void> watch(std::shared_ptr<WorkerRecord> record) {
    const int control = record->control;
    while (co_await loop_.readable(control, loop::kNever)) {
      const auto message = receive_control(control);
      if (message) {
        record->ready = true;
        const bool all = std::ranges::all_of(workers_, [](const auto& worker) { return worker->ready; });
        if (all && workers_.size() == plan_.processes) be_ready();
      } else if (message.error().code != EAGAIN) {
        break;
      }
    }
    record->control = -1;
    loop_.close(control);
  }

  // Closes the listener in the end.
  loop::Task<void> accept_connections(base::Fd& socket_that_listens) {
    const int listener = socket_that_listens.get();
    while (stop_ == Stop::kNot) {
      if (workers_.size() >= plan_.processes) {
        loop_.detach(listener);
        [[maybe_unused]] const auto ended = co_await child_ended_.wait(loop::kNever);
        continue;
      }
      sockaddr_storage peer;
      const auto socket = co_await loop_.accept(listener, &peer, loop::kNever);
      if (socket) {
        start_worker(0, base::Fd(*socket), http::Address::from(peer));
      } else if (stop_ == Stop::kNot) {
        if (loop_.now() >= complain_again_) complain("accept connections", socket.error());
        complain_again_ = loop_.now() + kBetweenComplaints;
        [[maybe_unused]] const auto slept = co_await loop_.sleep_until(loop_.now() + kFirstDelay);
      }
    }
    loop_.detach(listener);
    socket_that_listens.reset();
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == spawner_pid_) {
        spawner_ended(status);
      } else {
        worker_ended(pid, status);
      }
    }
    child_ended_.notify_all();
    if (stop_ != Stop::kNot) go_on_stopping();
  }

  void spawner_ended(int status) {
    spawner_pid_ = 0;
    if (spawner_control_ >= 0) instances_.receive(spawner_control_);  // its last words
    spawner_control_ = -1;
    if (stop_ != Stop::kNot && workers_.empty()) return;
    log_.error("the spawner ended: {}; starting another", describe_status(status));
    loop_.root().spawn(start_spawner_again(spawner_respawn_.delay(loop_.now())));
  }

  loop::Task<void> start_spawner_again(loop::Duration delay) {
    if (delay > loop::Duration::zero() && !co_await loop_.sleep_until(loop_.now() + delay)) co_return;
    if (stop_ != Stop::kNot && workers_.empty()) co_return;
    while (!start_spawner() && co_await loop_.sleep_until(loop_.now() + kLongestDelay)) {
    }
  }

  void worker_ended(pid_t pid, int status) {
    const auto found =
        std::ranges::find_if(workers_, [pid](const auto& worker) { return worker->pid == pid; });
    if (found == workers_.end()) return instances_.forget(pid);  // a program of a spawner that has died
    const size_t place = (*found)->place;
    workers_.erase(found);
    const bool as_planned = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const bool one_connection = plan_.start == config::Start::kPerConnection;
    if (!as_planned && stop_ != Stop::kNow) {
      log_.error("worker {} ended: {}{}", pid, describe_status(status),
                 one_connection || stop_ != Stop::kNot ? "" : "; starting another");
    }
    if (stop_ == Stop::kNot && !one_connection) loop_.root().spawn(start_again(place));
  }

  loop::Task<void> start_again(size_t place) {
    const loop::Duration delay = respawns_[place].delay(loop_.now());
    if (delay > loop::Duration::zero()) {
      log_.warning("workers end within their first second: the next one starts in {} ms",
                   std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
      if (!co_await loop_.sleep_until(loop_.now() + delay)) co_return;
    }
    if (stop_ == Stop::kNot) start_worker_at(place);
  }

  // --- signals and stopping -------------------------------------------------------------------------------
  loop::Task<void> hear_signals() {
    std::array<signalfd_siginfo, 8> arrived;
    while (true) {
      const auto got =
          co_await loop_.read(signals_.get(), std::as_writable_bytes(std::span(arrived)), loop::kNever);
      if (!got) co_return;
      const size_t count = *got / sizeof arrived[0];
      for (size_t i = 0; i < count; ++i) obey(static_cast<int>(arrived[i].ssi_signo));
    }
  }

  void obey(int number) {
    switch (number) {
      case SIGCHLD: reap(); return;
      case SIGUSR1: reopen_logs(); return;
      case SIGINT: stop(Stop::kNow); return;
      default: stop(stop_ == Stop::kNot ? Stop::kDrain : Stop::kNow); return;
    }
  }

  void reopen_logs() {
    log_.info("opening the log files anew");
    prepare_log_files();
    log_.reopen();
    tell_workers(ControlMessage::kReopenLogs);
  }

  void tell_workers(ControlMessage message) {
    for (const auto& worker : workers_) {
      if (worker->control < 0) continue;
      const auto sent = send_control(worker->control, message);
      if (!sent && sent.error().code != EPIPE)
        log_.warning("worker {}: {}", worker->pid, base::to_string(sent.error()));
    }
  }

  void stop(Stop how) {
    if (how <= stop_) return;
    if (stop_ == Stop::kNot && plan_.on_stopping) plan_.on_stopping();
    stop_ = how;
    log_.info("{}", how == Stop::kDrain ? "stopping: finishing what is in flight" : "stopping at once");
    close_listeners();
    tell_workers(how == Stop::kDrain ? ControlMessage::kDrain : ControlMessage::kStop);
    loop_.root().spawn(enforce(how == Stop::kDrain ? plan_.grace + kBeyondGrace : kStopPatience));
    child_ended_.notify_all();
    go_on_stopping();
  }

  // Workers close their copies once they have taken what waits in the queue: then new clients are refused at
  // once, and the address is free.
  void close_listeners() {
    for (ListeningSocket& listener : plan_.listeners) {
      if (!listener.socket) continue;
      if (plan_.start == config::Start::kPerConnection) {
        loop_.cancel_reading(listener.socket.get());
      } else {
        listener.socket.reset();
      }
    }
  }

  loop::Task<void> enforce(loop::Duration patience) {
    if (!co_await loop_.sleep_until(loop_.now() + patience)) co_return;
    for (const auto& worker : workers_) {
      log_.warning("worker {} did not end in time: killed", worker->pid);
      ::kill(worker->pid, SIGKILL);
    }
  }

  // Workers first, then the spawner, which ends its programs; then this process.
  void go_on_stopping() {
    if (!workers_.empty()) return;
    if (spawner_pid_ > 0) {
      if (spawner_control_ < 0) return;
      loop_.root().spawn(enforce_on_spawner());
      loop_.cancel_reading(std::exchange(spawner_control_, -1));
      return;
    }
    loop_.root().cancel();
  }

  loop::Task<void> enforce_on_spawner() {
    if (co_await loop_.sleep_until(loop_.now() + kSpawnerPatience)) ::kill(spawner_pid_, SIGKILL);
  }

  SupervisorPlan plan_;
  base::Log& log_;
  std::unique_ptr<loop::Backend> backend_;
  loop::Loop loop_;
  loop::LoopFd signals_;
  loop::Event child_ended_;
  std::optional<RunDirectory> run_directory_;
  std::vector<base::Fd> status_sockets_;  // one for each worker's place
  std::vector<std::shared_ptr<WorkerRecord>> workers_;
  std::vector<Respawn> respawns_;
  Respawn spawner_respawn_;
  pid_t spawner_pid_ = 0;
  int spawner_control_ = -1;  // closed by the story that hears it
  spawner::KeptInstances instances_;
  uint64_t last_channel_ = 0;
  uint32_t spawner_generation_ = 0;
  bool was_ready_ = false;
  loop::Time complain_again_{};
  Stop stop_ = Stop::kNot;
  int exit_code_ = 0;
};

base::Result<base::Fd> take_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGCHLD, SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return base::failure_from_errno("block signals");
  ::signal(SIGPIPE, SIG_IGN);
  base::Fd signals(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals) return base::failure_from_errno("signalfd");
  return signals;
}

}  // namespace

int run_supervisor(SupervisorPlan plan, base::Log& log) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto signals = take_signals();
  auto backend = loop::EpollBackend::create();
  if (!signals || !backend) {
    log.error("cannot start: {}", base::to_string(signals ? backend.error() : signals.error()));
    return 1;
  }
  Supervisor supervisor(std::move(plan), log, std::move(*backend), std::move(*signals));
  return supervisor.run();
}

}  // namespace remuda::server
