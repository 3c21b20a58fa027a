// SPDX-License-Identifier: Apache-2.0
//
// Our copy of the listening socket is closed as soon as the instance accepts: from then on its end is seen by
// whoever connects (ECONNREFUSED) instead of a queue that nobody empties.
#include "apps/pool/instance_keeper.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "apps/pool/instance_endpoint.h"
#include "apps/pool/label.h"

namespace remuda::apps::pool {

namespace {

constexpr std::chrono::milliseconds kFirstLook{1};
constexpr std::chrono::milliseconds kLaterLook{5};
constexpr std::chrono::milliseconds kRareLook{20};    // that costs a connection
constexpr std::chrono::milliseconds kLastWords{100};  // after its end, for what is still in the pipe
constexpr uint64_t kErrorsBytes = 1024 * 1024;        // logged at most in each kErrorsTime
constexpr std::chrono::seconds kErrorsTime{10};

}  // namespace

InstanceKeeper::InstanceKeeper(KeeperTools& tools, Group& group, std::shared_ptr<Instance> instance)
    : tools_(tools), group_(group), instance_(std::move(instance)), errors_ended_(tools.loop) {
  journey_.app = group_.options().name;
  journey_.user = group_.options().user;
  journey_.program = group_.options().program;
}

InstanceKeeper::~InstanceKeeper() = default;

loop::Time InstanceKeeper::started() const {
  return journey_.started == loop::Time{} ? journey_.asked : journey_.started;
}

loop::Task<base::Result<void>> InstanceKeeper::start(loop::Time deadline) {
  journey_.asked = journey_.admitted = tools_.loop.now();
  group_.set_journey(*instance_, journey_);
  auto listener = open_door();
  if (!listener) co_return std::unexpected(listener.error());
  const std::string label = to_text({.app = group_.options().name,
                                     .id = instance_->id,
                                     .generation = instance_->generation,
                                     .socket = instance_->socket});
  auto program = co_await tools_.spawner.start_instance(
      {.app = group_.options().app, .label = label, .listener = listener->get(), .environment = environment_},
      journey_);
  if (!program) co_return std::unexpected(program.error());
  program_ = std::move(*program);
  if (program_->errors) tools_.scope.spawn(read_errors(shared_from_this()));
  const auto accepted = co_await wait_accepting(listener->get(), deadline);
  journey_ = program_->journey;
  instance_->name = group_.options().name + "[" + std::to_string(journey_.pid) + "]";
  group_.set_journey(*instance_, journey_);
  if (!accepted && accepted.error().code == ETIMEDOUT) stop("it did not accept in time");
  co_return accepted;
}

// What becomes its descriptor 0: its socket, or nothing to read where it listens by itself.
base::Result<base::Fd> InstanceKeeper::open_door() {
  const ListensAt where = group_.options().listens_at;
  if (where == ListensAt::kDescriptor) return tools_.doors.open(instance_->socket);
  if (where == ListensAt::kPort) {
    const auto port = tools_.doors.free_port();
    if (!port) return std::unexpected(port.error());
    instance_->socket = port_name(*port);
    environment_ = "PORT=" + std::to_string(*port);
  } else {
    tools_.doors.remove(instance_->socket);
    environment_ = "REMUDA_SOCKET=" + instance_->socket;
  }
  environment_.push_back('\0');
  base::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) return base::failure_from_errno("open /dev/null");
  return nothing;
}

// Whoever listens by itself cannot be connected to before.
loop::Task<base::Result<void>> InstanceKeeper::wait_reachable(loop::Time deadline) {
  loop::Duration pause = kFirstLook;
  while (true) {
    if (program_->ended()) co_return base::failure(ECHILD, "start an instance");
    const auto knock = co_await tools_.doors.knock(instance_->socket, deadline);
    if (knock && !program_->ended()) co_return base::Result<void>();
    if (tools_.loop.now() >= deadline) co_return base::failure(ETIMEDOUT, "wait until an instance accepts");
    if (const auto slept = co_await tools_.loop.sleep_until(tools_.loop.now() + pause); !slept)
      co_return std::unexpected(slept.error());
    pause = std::min<loop::Duration>(pause * 2, kRareLook);
  }
}

loop::Task<base::Result<void>> InstanceKeeper::wait_accepting(int listener, loop::Time deadline) {
  if (const auto started = co_await program_->wait_started(deadline); !started)
    co_return std::unexpected(started.error());
  if (program_->ended()) co_return base::failure(ECHILD, "start an instance");
  if (group_.options().listens_at != ListensAt::kDescriptor) co_return co_await wait_reachable(deadline);
  const auto knock = co_await tools_.doors.knock(instance_->socket, deadline);
  if (!knock) co_return std::unexpected(knock.error());
  loop::Duration pause = kFirstLook;
  while (tools_.doors.is_anybody_waiting(listener)) {
    if (program_->ended()) co_return base::failure(ECHILD, "start an instance");
    if (tools_.loop.now() >= deadline) co_return base::failure(ETIMEDOUT, "wait until an instance accepts");
    if (const auto slept = co_await tools_.loop.sleep_until(tools_.loop.now() + pause); !slept)
      co_return std::unexpected(slept.error());
    pause = std::min<loop::Duration>(pause * 2, kLaterLook);
  }
  co_return base::Result<void>();
}

void InstanceKeeper::adopt(std::shared_ptr<Program> program) {
  program_ = std::move(program);
  journey_.pid = program_->journey.pid;
  journey_.asked = journey_.started = program_->journey.started;
  instance_->name = group_.options().name + "[" + std::to_string(journey_.pid) + "]";
  group_.set_journey(*instance_, journey_);
  if (program_->errors) tools_.scope.spawn(read_errors(shared_from_this()));
}

loop::Task<base::Result<void>> InstanceKeeper::wait_ended() {
  if (program_ == nullptr) co_return base::Result<void>();
  if (const auto ended = co_await program_->wait_ended(loop::kNever); !ended)
    co_return std::unexpected(ended.error());
  group_.stopping(*instance_);
  const loop::Time last_words = tools_.loop.now() + kLastWords;
  while (reading_errors_ && co_await errors_ended_.wait(last_words)) {
  }
  journey_ = program_->journey;
  group_.set_journey(*instance_, journey_);
  tools_.doors.remove(instance_->socket);
  // What it started and left behind holds nobody's request.
  if (journey_.ending.left_others) tools_.spawner.terminate_group(*program_);
  co_return base::Result<void>();
}

void InstanceKeeper::stop(std::string_view why) {
  if (stopped_ || program_ == nullptr) return;
  stopped_ = true;
  if (leaving.empty()) leaving = why;
  group_.stopping(*instance_);
  if (program_->ended()) return;
  program_->journey.stopped = why;
  tools_.spawner.terminate(*program_);
}

void InstanceKeeper::hurry() {
  if (!stopped_ || has_ended() || std::exchange(hurried_, true)) return;
  tools_.log.debug("app {}: others wait for their end too: killed", instance_->name);
  tools_.spawner.kill(*program_);
}

loop::Task<void> InstanceKeeper::measure(loop::Time deadline) {
  if (has_ended() || !program_->started()) co_return;
  const auto measured = co_await tools_.spawner.measure(*program_, deadline);
  if (!measured) co_return;
  memory_ = measured->memory;
  cpu_ = measured->cpu_user + measured->cpu_system;
}

loop::Task<void> InstanceKeeper::read_errors(std::shared_ptr<InstanceKeeper> self) {
  self->reading_errors_ = true;
  std::array<std::byte, 16 * 1024> piece;
  const base::ErrorLines::Take take = [&self](std::string_view line) { self->take_error_line(line); };
  const std::shared_ptr<Program> program = self->program_;
  while (true) {
    const auto got = co_await self->tools_.loop.read(program->errors.get(), piece, loop::kNever);
    if (!got || *got == 0) break;
    self->lines_.feed({reinterpret_cast<const char*>(piece.data()), *got}, take);
  }
  self->lines_.finish(take);
  self->reading_errors_ = false;
  self->errors_ended_.notify_all();
}

// An instance that says too much costs neither the log nor the loop more than a share.
void InstanceKeeper::take_error_line(std::string_view line) {
  const uint64_t request = group_.add_error_line(*instance_, line);
  const loop::Time now = tools_.loop.now();
  if (now - lines_since_ >= kErrorsTime) {
    if (lines_left_out_ > 0)
      tools_.log.warning("app {}: {} bytes of its standard error are not in this log", instance_->name,
                         lines_left_out_);
    lines_since_ = now;
    lines_logged_ = lines_left_out_ = 0;
  }
  if (lines_logged_ >= kErrorsBytes) {
    lines_left_out_ += line.size();
    return;
  }
  lines_logged_ += line.size();
  const std::string_view name = instance_->name.empty() ? group_.options().name : instance_->name;
  if (request != 0) {
    tools_.log.warning("request {:016x}: app {}: {}", request, name, line);
  } else {
    tools_.log.warning("app {}: {}", name, line);
  }
}

}  // namespace remuda::apps::pool
