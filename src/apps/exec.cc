// SPDX-License-Identifier: Apache-2.0
//
// Pipes are made here, in the worker: the spawner only passes their far ends on.
#include "apps/exec.h"

#include <algorithm>
#include <cerrno>

#include "apps/pipe.h"

namespace remuda::apps {

namespace {

struct PipePairs {
  Pipe input;
  Pipe output;
  Pipe errors;
};

base::Result<PipePairs> make_pipes(InputFrom input_from) {
  PipePairs pipes;
  if (input_from == InputFrom::kPipe) {
    auto input = make_pipe(Direction::kToProgram);
    if (!input) return std::unexpected(input.error());
    pipes.input = std::move(*input);
  }
  auto output = make_pipe(Direction::kFromProgram);
  if (!output) return std::unexpected(output.error());
  pipes.output = std::move(*output);
  auto errors = make_pipe(Direction::kFromProgram);
  if (!errors) return std::unexpected(errors.error());
  pipes.errors = std::move(*errors);
  return pipes;
}

class ExecLease final : public Lease, public Pipes {
 public:
  ExecLease(SpawnerClient& client, ExecApp& app, std::shared_ptr<Program> program,
            std::unique_ptr<LiveRequest> live, PipePairs& pipes)
      : client_(client),
        app_(app),
        program_(std::move(program)),
        live_(std::move(live)),
        input_(client.loop(), std::move(pipes.input.near)),
        output_(client.loop(), std::move(pipes.output.near)),
        errors_(client.loop(), std::move(pipes.errors.near)) {}
  ~ExecLease() override { terminate("its request was given up"); }

  Pipes* pipes() override { return this; }

  int input() const override { return input_.get(); }
  int output() const override { return output_.get(); }
  int errors() const override { return errors_.get(); }
  void close_input() override { input_.reset(); }
  void close_output() override { output_.reset(); }
  void close_errors() override { errors_.reset(); }

  loop::Task<base::Result<void>> wait_ended(loop::Time deadline) override {
    return program_->wait_ended(deadline);
  }

  void terminate(std::string_view why) override {
    if (program_->ended() || !program_->journey.stopped.empty()) return;
    program_->journey.stopped = why;
    client_.terminate(*program_);
  }
  void terminate_rest() override { client_.terminate_group(*program_); }
  void finish(Outcome outcome) override {
    if (outcome == Outcome::kAnswered) ++app_.requests;
    if (outcome == Outcome::kFailed || outcome == Outcome::kTimedOut) ++app_.failures;
  }
  void at(Phase phase) override { live_->at(phase); }
  void watch_kill(loop::Scope* scope) override { live_->watch_kill(scope); }
  Journey& journey() override { return program_->journey; }

 private:
  SpawnerClient& client_;
  ExecApp& app_;
  std::shared_ptr<Program> program_;
  std::unique_ptr<LiveRequest> live_;
  loop::LoopFd input_;
  loop::LoopFd output_;
  loop::LoopFd errors_;
};

}  // namespace

ExecSource::ExecSource(SpawnerClient& client, ExecApp& app)
    : client_(client), app_(app), activity_(app.board, client.loop()) {}

loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> ExecSource::acquire(
    const StartRequest& request, loop::Time deadline) {
  loop::Loop& loop = client_.loop();
  auto live = std::make_unique<LiveRequest>(request, loop.now());
  activity_.add(*live);
  Journey journey;
  journey.app = app_.options.name;
  journey.user = app_.options.user;
  journey.program = request.program.empty() ? app_.options.program : std::string(request.program);
  journey.asked = loop::Clock::now();
  const loop::Time last = std::min(deadline, loop.now() + app_.options.queue_time);
  if (const auto entered = co_await app_.admission.enter(loop, last, live.get()); !entered)
    co_return std::unexpected(refused(entered.error()));
  journey.admitted = loop::Clock::now();
  live->at(Phase::kStart);
  ++app_.starts;
  auto lease = co_await start(request, std::move(journey), std::move(live));
  if (!lease) {
    ++app_.failed_starts;
    app_.admission.leave(loop);
    co_return std::unexpected(failed(lease.error()));
  }
  co_return std::move(*lease);
}

loop::Task<base::Result<std::unique_ptr<Lease>>> ExecSource::start(const StartRequest& request,
                                                                   Journey journey,
                                                                   std::unique_ptr<LiveRequest> live) {
  auto pipes = make_pipes(request.input);
  if (!pipes) co_return std::unexpected(pipes.error());
  journey.environment_entries = static_cast<size_t>(std::ranges::count(request.environment, '\0'));
  SpawnerClient::Start start{.app = app_.options.app,
                             .program = request.program,
                             .environment = request.environment,
                             .output = pipes->output.far.get(),
                             .errors = pipes->errors.far.get()};
  if (request.input == InputFrom::kPipe) start.input = pipes->input.far.get();
  if (request.input == InputFrom::kFile) start.input = request.input_file;
  auto program = co_await client_.start(start, std::move(journey));
  if (!program) co_return std::unexpected(program.error());
  (*program)->at_end = [&app = app_, &loop = client_.loop()] { app.admission.leave(loop); };
  co_return std::make_unique<ExecLease>(client_, app_, std::move(*program), std::move(live), *pipes);
}

AcquireFailure ExecSource::refused(Admission::Refusal refusal) const {
  return {.reason = reason_of(refusal), .retry_after = app_.admission.retry_after()};
}

AcquireFailure ExecSource::failed(base::Error error) const {
  AcquireFailure failure{.error = error, .retry_after = app_.admission.retry_after()};
  if (error.code == E2BIG) failure.reason = AcquireFailure::Reason::kTooLarge;
  if (error.code == ECANCELED || error.code == ECONNRESET)
    failure.reason = AcquireFailure::Reason::kCancelled;
  return failure;
}

}  // namespace remuda::apps
