// SPDX-License-Identifier: Apache-2.0
//
// See the header. Everything that waits for the program waits under scope_, so that one cancellation (the
// time limit, the client, the exchange) ends it all; only read() belongs to its caller and is woken by
// cancel_reading().
#include "gateway/cgi/cgi_conversation.h"

#include <fmt/format.h>

#include <cerrno>
#include <vector>

namespace remuda::gateway {

namespace {

using apps::Ending;

constexpr auto kErrorsGrace = std::chrono::milliseconds(200);
constexpr auto kEndingGrace = std::chrono::seconds(15);  // KILL has come long before
constexpr auto kLookForEnd = std::chrono::milliseconds(20);
constexpr size_t kPumpPiece = 32 * 1024;

// A program that could not be run.
int status_for_start(const Ending& ending) {
  if (ending.missing_interpreter) return 500;
  if (!ending.failed_in_exec)
    return ending.code == EAGAIN || ending.code == ENOMEM || ending.code == EMFILE ? 503 : 500;
  switch (ending.code) {
    case ENOENT:
    case ENOTDIR: return 404;
    case EACCES:
    case EPERM:
    case EISDIR:
    case EXDEV:
    case ELOOP: return 403;
    case EAGAIN:
    case ENOMEM: return 503;
    default: return 500;
  }
}

std::string_view reason_text(int reason) {
  switch (reason) {
    case ETIMEDOUT: return "its time limit passed";
    case ECONNRESET: return "the client left";
    default: return "its request was given up";
  }
}

}  // namespace

CgiConversation::CgiConversation(loop::Loop& loop, std::unique_ptr<apps::Lease> lease, AppLog& log,
                                 const WireOptions& options, uint64_t request_id)
    : loop_(loop),
      lease_(std::move(lease)),
      pipes_(*lease_->pipes()),
      log_(log),
      options_(options),
      request_id_(request_id),
      scope_(loop, &loop.root()),
      errors_ended_(loop) {}

void CgiConversation::begin(http::Body* body) {
  if (options_.time_limit > loop::Duration::zero()) scope_.set_deadline(loop_.now() + options_.time_limit);
  lease_->watch_kill(&scope_);
  lease_->at(apps::Phase::kApplication);
  if (pipes_.errors() >= 0) scope_.spawn(read_errors());
  if (body != nullptr) {
    pump_scope_.emplace(loop_, &scope_);
    pump_scope_->spawn(pump(*body));
  }
  loop_.root().spawn(live(shared_from_this()));
}

// --- the program's life

loop::Task<void> CgiConversation::live(std::shared_ptr<CgiConversation> self) {
  CgiConversation& run = *self;
  const auto ended = co_await run.scope_.run(run.pipes_.wait_ended(loop::kNever));
  if (!ended) {
    run.stopped_ = run.scope_.cancelled() != 0 ? run.scope_.cancelled() : ended.error().code;
    run.lease_->terminate(reason_text(run.stopped_));
    run.wake_reader();
    co_await run.end_program();
  }
  run.program_ended_ = true;
  if (ended) run.wake_reader();
  co_await run.wait_for_errors();
  run.scope_.cancel();
  if (run.pump_scope_) co_await run.pump_scope_->join();
  co_await run.scope_.join();
  run.pipes_.close_errors();
  run.lease_->watch_kill(nullptr);
  run.lease_->finish(run.outcome());
  run.report();
  if (run.journey().ending.left_others) co_await run.end_the_rest();
}

// What a program leaves behind may still write what it owes, for a while; nothing of it stays.
loop::Task<void> CgiConversation::end_the_rest() {
  const loop::Time limit = loop_.now() + options_.exit_grace;
  while (!output_ended_ && stopped_ == 0 && loop_.now() < limit) {
    if (!co_await loop_.sleep_until(loop_.now() + kLookForEnd)) break;
  }
  pipes_.terminate_rest();
}

// Under the root scope: the run's own is cancelled.
loop::Task<void> CgiConversation::end_program() { co_await pipes_.wait_ended(loop_.now() + kEndingGrace); }

// What the program wrote before it ended is there; others of its group may hold the pipe open for long.
loop::Task<void> CgiConversation::wait_for_errors() {
  if (reading_errors_)
    co_await scope_.run([](CgiConversation& run) -> loop::Task<void> {
      co_await run.errors_ended_.wait(run.loop_.now() + kErrorsGrace);
    }(*this));
}

apps::Outcome CgiConversation::outcome() {
  if (stopped_ == ETIMEDOUT) return apps::Outcome::kTimedOut;
  if (stopped_ != 0 || body_error_ != 0) return apps::Outcome::kGivenUp;
  const bool well = journey().ending.kind == Ending::Kind::kExited && trouble_.empty();
  return well ? apps::Outcome::kAnswered : apps::Outcome::kFailed;
}

void CgiConversation::report() {
  const apps::Journey& its = journey();
  std::string trouble = trouble_;
  if (trouble.empty() && !its.stopped.empty()) trouble = "stopped: " + std::string(its.stopped);
  if (trouble.empty() && !its.ending.success()) trouble = to_string(its.ending);
  if (stopped_ == ECONNRESET) trouble.clear();  // it is not the program's
  log_.ended(request_id_, trouble, its);
}

void CgiConversation::give_up(std::string_view why) {
  given_up_ = true;
  lease_->terminate(why);
}

// What the client is owed no more may be finished; what is owed and wanted by nobody is ended.
void CgiConversation::let_go(Debt debt) {
  if (output_ended_ || program_ended_) return;
  if (debt == Debt::kOwed && options_.on_client_gone == ClientGone::kAbort) {
    scope_.cancel(ECANCELED);
  } else if (scope_.cancelled() == 0) {
    scope_.spawn(drain_output());
  }
}

// --- how it went

loop::Task<Verdict> CgiConversation::ended(loop::Duration most) {
  const loop::Time limit = loop_.now() + most;
  const bool has_ended = (co_await pipes_.wait_ended(limit)).has_value();
  if (given_up_ && reading_errors_) co_await errors_ended_.wait(limit);
  if (stopped_ != 0) co_return verdict_of_the_stop();
  if (!has_ended)
    co_return Verdict{Verdict::Kind::kWhole, 502, "the program closed its output, and runs on,"};
  Verdict verdict = verdict_of_the_ending();
  if (!journey().error_lines.empty()) verdict.said = journey().error_lines.back();
  co_return verdict;
}

Verdict CgiConversation::verdict_of_the_stop() const {
  constexpr auto kBroken = Verdict::Kind::kBroken;
  const double limit = std::chrono::duration<double>(options_.time_limit).count();
  switch (stopped_) {
    case ETIMEDOUT:
      return {kBroken, 504,
              fmt::format("{} the time limit of {} s",
                          answering_ ? "the answer took longer than" : "no answer within", limit)};
    case ECONNRESET: return {kBroken, 503, "the client left before the program had answered"};
    default: return {kBroken, 503, "the request was given up, or ended by the server's operator"};
  }
}

Verdict CgiConversation::verdict_of_the_ending() {
  using Kind = Verdict::Kind;
  const Ending& ending = journey().ending;
  const std::string said = to_string(ending);
  switch (ending.kind) {
    case Ending::Kind::kExited: return {Kind::kWhole, ending.code == 0 ? 502 : 500, "the program " + said};
    case Ending::Kind::kNotStarted:
      return {Kind::kBroken, status_for_start(ending), "the program " + journey().program + ": " + said};
    case Ending::Kind::kLost:
      return {answering_ ? Kind::kBroken : Kind::kUnknown, 503, "the program " + said};
    case Ending::Kind::kUnknown: return {Kind::kWhole, 503, "the program " + said};
    default: return {Kind::kBroken, 502, "the program was " + said};
  }
}

// --- output

loop::Task<base::Result<size_t>> CgiConversation::read(std::span<std::byte> into, loop::Time deadline) {
  while (true) {
    if (output_ended_) co_return size_t{0};
    if (stopped_ != 0) co_return base::failure(EIO, "the program was stopped before its answer was complete");
    const bool after_end = program_ended_;
    const loop::Time grace = loop_.now() + options_.exit_grace;
    reading_ = true;
    const auto got =
        co_await loop_.read(pipes_.output(), into, after_end ? std::min(deadline, grace) : deadline);
    reading_ = false;
    if (got) {
      output_ended_ = *got == 0;
      if (*got > 0 && !answering_) {
        answering_ = true;
        lease_->at(apps::Phase::kReply);
      }
      co_return *got;
    }
    if (stopped_ != 0 || (program_ended_ && !after_end)) continue;  // woken by live()
    const bool held_open = after_end && got.error().code == ETIMEDOUT && loop_.now() >= grace;
    if (!held_open) co_return got;
    pipes_.terminate_rest();
    output_ended_ = true;
  }
}

void CgiConversation::wake_reader() {
  if (reading_) loop_.cancel_reading(pipes_.output());
}

loop::Task<void> CgiConversation::drain_output() {
  std::array<std::byte, 4096> room;
  while (true) {
    const auto got = co_await loop_.read(pipes_.output(), room, loop::kNever);
    if (!got || *got == 0) break;
  }
  output_ended_ = true;
}

// --- input

loop::Task<void> CgiConversation::stop_input() {
  if (!pump_scope_) co_return;
  pump_scope_->cancel();
  co_await pump_scope_->join();
}

// A body that ends early must not look like a whole one: the program is ended before its input is.
loop::Task<void> CgiConversation::pump(http::Body& body) {
  std::vector<std::byte> room(kPumpPiece);
  while (true) {
    const auto got = co_await body.read(room);
    if (!got) {
      body_error_ = got.error().code;
      if (pump_scope_->cancelled() == 0) lease_->terminate("the request's body did not come whole");
      co_return;
    }
    if (*got == 0) break;
    const auto written = co_await write_input(std::span(room).first(*got));
    if (!written) break;  // the program has closed its input: it has read what it wants
  }
  pipes_.close_input();
}

loop::Task<base::Result<void>> CgiConversation::write_input(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = co_await loop_.write(pipes_.input(), bytes, loop::kNever);
    if (!written) co_return std::unexpected(written.error());
    bytes = bytes.subspan(*written);
  }
  co_return base::Result<void>();
}

// --- standard error

loop::Task<void> CgiConversation::read_errors() {
  reading_errors_ = true;
  std::array<std::byte, 2048> room;
  const ErrorLines::Take take = [this](std::string_view line) { take_error_line(line); };
  while (true) {
    const auto got = co_await loop_.read(pipes_.errors(), room, loop::kNever);
    if (!got || *got == 0) break;
    journey().error_bytes += *got;
    lines_.feed({reinterpret_cast<const char*>(room.data()), *got}, take);
  }
  lines_.finish(take);
  reading_errors_ = false;
  errors_ended_.notify_all();
}

// Beyond the limit lines are only kept for the journey.
void CgiConversation::take_error_line(std::string_view line) {
  journey().add_error_line(line);
  const bool had_room = logged_ < options_.errors_limit;
  logged_ += line.size() + 1;
  if (logged_ <= options_.errors_limit) {
    log_.error_line(request_id_, options_.name, line);
  } else if (had_room) {
    log_.error_line(request_id_, options_.name, "(more on standard error than is logged for one request)");
  }
}

}  // namespace remuda::gateway
