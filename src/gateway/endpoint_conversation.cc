// SPDX-License-Identifier: Apache-2.0
//
// See the header. What waits for the application waits under scope_, so that one cancellation (the time
// limit, the client, remuda kill, the exchange) ends it all; read() belongs to its caller and is woken by
// arrived_.
#include "gateway/endpoint_conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace remuda::gateway {

namespace {

using apps::Outcome;
using Kind = Verdict::Kind;

// An application that was told to stop has so long to say that it has.
constexpr auto kAbortGrace = std::chrono::seconds(5);
constexpr size_t kPumpPiece = 32 * 1024;

// So long the requests on a shared connection wait for the disk of one of them, at a time.
constexpr auto kDiskPatience = std::chrono::milliseconds(200);

std::string_view reason_text(int reason) {
  switch (reason) {
    case ETIMEDOUT: return "its time limit passed";
    case ECONNRESET: return "the client left and it did not stop";
    default: return "its request was given up and it did not stop";
  }
}

// A connection could not be made for want of something here: it says nothing of the application, and another
// one would not help.
bool is_own_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EADDRNOTAVAIL;
}

double seconds(loop::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

EndpointConversation::EndpointConversation(ConversationGround& ground, std::unique_ptr<apps::Lease> lease,
                                           const Question& question)
    : ground_(ground),
      loop_(ground.loop),
      options_(ground.options),
      lease_(std::move(lease)),
      question_(question),
      endpoint_(lease_->endpoint()->id()),
      scope_(loop_, &loop_.root()),
      arrived_(loop_),
      over_changed_(loop_),
      inbox_(loop_, ground.offload,
             {options_.response_buffer, options_.response_spill, options_.spool_directory}) {}

EndpointConversation::~EndpointConversation() {
  const std::string& trouble = trouble_.empty() ? verdict_.trouble : trouble_;
  const bool is_its_own = stopped_ != ECONNRESET;  // that the client left stands in the server's line
  if (!trouble.empty() && is_its_own) ground_.log.ended(question_.request, trouble, own_journey());
}

void EndpointConversation::begin(http::Body* body) {
  began_ = quiet_since_ = loop_.now();
  if (options_.time_limit > loop::Duration::zero()) scope_.set_deadline(began_ + options_.time_limit);
  lease_->watch_kill(&scope_);
  lease_->at(apps::Phase::kSend);
  channel_ = attach(question_);
  if (channel_ != nullptr) start_input(body);
  flush();
  loop_.root().spawn(live(shared_from_this()));
}

void EndpointConversation::start_input(http::Body* body) {
  if (body == nullptr && question_.data == nullptr) return end_input();
  pumping_ = true;
  pump_scope_.emplace(loop_, &scope_);
  pump_scope_->spawn(pump(body));
}

// --- its life

loop::Task<void> EndpointConversation::live(std::shared_ptr<EndpointConversation> self) {
  EndpointConversation& its = *self;
  co_await its.scope_.run(its.wait_over(loop::kNever));
  if (!its.over_) {
    its.stop(its.scope_.cancelled(), "");
    co_await its.part();
  }
  its.scope_.cancel();
  if (its.pump_scope_) co_await its.pump_scope_->join();
  co_await its.scope_.join();
  co_await its.settle();
  if (its.abandoned_) co_await its.wait_until_free();
  its.give_back();
}

loop::Task<void> EndpointConversation::wait_over(loop::Time deadline) {
  while (!over_) {
    if (!co_await over_changed_.wait(deadline)) co_return;
  }
}

// Whoever reads is told at once; what the application still says is dropped.
void EndpointConversation::stop(int reason, std::string_view why) {
  if (!is_stopped()) stopped_ = reason;
  if (trouble_.empty()) trouble_ = why;
  verdict_ = stopped_verdict();
  if (reason == ETIMEDOUT) outcome_ = paid_ ? Outcome::kAnswered : Outcome::kTimedOut;
  drop_answer();
  arrived_.notify_all();
}

// From the moment somebody stopped it until the stream is over.
loop::Task<void> EndpointConversation::part() {
  const bool killed = timed_out() && !is_process_shared();
  if (!killed) {
    const bool may_finish = options_.on_client_gone == ClientGone::kFinish && !must_stop_ &&
                            (stopped_ == ECONNRESET || given_up_);
    if (!may_finish) abort();
    co_await wait_over(part_deadline());
  }
  if (over_) co_return;
  if (loop_.root().cancelled() == 0)
    lease_->terminate(silent_ ? "it sent nothing for too long" : reason_text(stopped_));
  leave();
  loop::Scope to_the_end(loop_);
  co_await to_the_end.run(wait_over(loop::kNever));
}

void EndpointConversation::abandon() {
  if (channel_ == nullptr) return;
  abandoned_ = channel_->sent() > 0 && lease_->endpoint()->capacity().requests == 1;
  channel_->close();
}

// Or until its time limit, or somebody ends it.
loop::Task<void> EndpointConversation::wait_until_free() {
  const bool limited = options_.time_limit > loop::Duration::zero();
  loop::Scope knocking(loop_, &loop_.root());
  lease_->watch_kill(&knocking);
  const bool free = co_await knocking.run(knock(limited ? part_deadline() : loop::kNever));
  if (!free && loop_.root().cancelled() == 0) lease_->terminate(reason_text(stopped_));
}

// Whoever takes one request at a time accepts a connection when it is done with the last; one that says
// nothing is closed at once. An error says that nobody is there.
loop::Task<bool> EndpointConversation::knock(loop::Time deadline) {
  const auto said_nothing = [](int error) { return error == ETIMEDOUT || error == ECANCELED; };
  const auto socket = co_await lease_->endpoint()->connect(deadline);
  if (!socket) co_return !said_nothing(socket.error().code);
  loop_.end_sending(socket->get());
  const auto answered = co_await loop_.readable(socket->get(), deadline);
  co_return answered || !said_nothing(answered.error().code);
}

// A process that goes on with what nobody wants is busy until its time limit.
loop::Time EndpointConversation::part_deadline() const {
  const loop::Time soon = loop_.now() + kAbortGrace;
  const bool asked_for = timed_out() || (stopped_ == ECANCELED && !given_up_);
  if (asked_for || options_.time_limit == loop::Duration::zero()) return soon;
  return std::max(soon, began_ + options_.time_limit);
}

void EndpointConversation::over(Verdict verdict, Outcome outcome) {
  if (over_) return;
  over_ = true;
  stop_holding_back();
  channel_ = nullptr;
  lines_.finish([this](std::string_view line) { take_error_line(line); });
  if (!is_stopped()) {
    verdict_ = std::move(verdict);
    if (outcome_ == Outcome::kGivenUp) outcome_ = outcome;
  }
  arrived_.notify_all();
  over_changed_.notify_all();
}

void EndpointConversation::lost(const ChannelEnd& end, const Channel& channel, uint64_t began) {
  if (end.when == ChannelEnd::When::kConnecting && is_own_shortage(end.error))
    return over({Kind::kBroken, 503,
                 fmt::format("the server has no room for a connection to the application: {}",
                             ::strerror(end.error))},
                Outcome::kGivenUp);
  const std::string why = end.error == 0 ? "it closed the connection" : ::strerror(end.error);
  const int status = end.error == ETIMEDOUT ? 504 : 502;
  const Outcome failed = end.error == ETIMEDOUT ? Outcome::kTimedOut : Outcome::kFailed;
  if (end.when == ChannelEnd::When::kConnecting)
    return over({Kind::kNotBegun, status, fmt::format("no connection to the application: {}", why)},
                Outcome::kRefused);
  if (end.error == EBADMSG)
    return over({answered_ || !is_shared() ? Kind::kBroken : Kind::kUnknown, 502,
                 fmt::format("the application broke the protocol: {}", end.trouble)},
                failed);
  if (answered_)
    return over({Kind::kBroken, status, fmt::format("the application's answer was cut: {}", why)}, failed);
  const bool begun = channel.sent() > began;
  over({begun ? Kind::kUnknown : Kind::kNotBegun, status,
        fmt::format("the application did not answer: {}", why)},
       begun ? failed : Outcome::kRefused);
}

void EndpointConversation::give_back() {
  const bool trouble = !trouble_.empty() || !verdict_.trouble.empty();
  if (trouble) own_journey();
  lease_->watch_kill(nullptr);
  lease_->finish(outcome_);
  lease_.reset();
}

void EndpointConversation::let_go(Debt debt) {
  if (over_ || is_stopped()) return;
  drop_answer();
  paid_ = debt == Debt::kPaid;
  if (paid_ && input_complete_) return;
  given_up_ = true;
  scope_.cancel(ECANCELED);
}

void EndpointConversation::give_up(std::string_view why) {
  if (trouble_.empty()) trouble_ = why;
  if (outcome_ == Outcome::kGivenUp && !is_stopped()) outcome_ = Outcome::kFailed;
  if (over_) return;
  given_up_ = must_stop_ = true;
  scope_.cancel(ECANCELED);
}

loop::Task<Verdict> EndpointConversation::ended(loop::Duration most) {
  if (!is_stopped()) co_await wait_over(loop_.now() + most);
  if (!is_stopped() && !over_)
    co_return Verdict{Kind::kBroken, 502, "the application did not end its answer"};
  if (journey_ && !journey_->error_lines.empty()) verdict_.said = journey_->error_lines.back();
  co_return verdict_;
}

Verdict EndpointConversation::stopped_verdict() const {
  if (body_error_ != 0) return {Kind::kBroken, 400, "the request's body did not come whole"};
  if (silent_) return {answered_ ? Kind::kBroken : Kind::kUnknown, 504, trouble_};
  if (stopped_ == ETIMEDOUT)
    return {Kind::kBroken, 504,
            fmt::format("{} the time limit of {} s",
                        paid_ ? "it went on after its answer until" : "no answer within",
                        seconds(options_.time_limit))};
  if (stopped_ == ECONNRESET) return {Kind::kBroken, 503, "the client left before the answer was complete"};
  if (given_up_) return {Kind::kBroken, 503, trouble_};
  return {Kind::kBroken, 503, trouble_.empty() ? "the request was ended from outside" : trouble_};
}

// --- the answer

loop::Task<base::Result<size_t>> EndpointConversation::read(std::span<std::byte> into, loop::Time deadline) {
  while (true) {
    if (is_stopped()) co_return base::failure(EIO, "the request was stopped before its answer was complete");
    if (const size_t count = inbox_.take(into); count > 0) {
      if (inbox_.room() == Inbox::Room::kYes) stop_holding_back();
      co_return count;
    }
    if (!inbox_.is_empty()) {
      if (auto loaded = co_await inbox_.load(); !loaded) co_return std::unexpected(loaded.error());
      continue;
    }
    if (over_ && verdict_.kind == Kind::kWhole) co_return size_t{0};
    if (over_) co_return base::failure(EIO, "the application's answer was cut");
    reading_ = into;
    const auto waited = co_await arrived_.wait(std::min(deadline, quiet_deadline()));
    reading_ = {};
    if (got_ > 0) co_return std::exchange(got_, 0);
    if (waited) continue;
    if (waited.error().code != ETIMEDOUT) co_return std::unexpected(waited.error());
    if (loop_.now() >= quiet_deadline()) {
      stop_for_silence();
    } else if (loop_.now() >= deadline) {
      co_return std::unexpected(waited.error());
    }
  }
}

// Before the first byte another application may be asked, if that does no harm.
void EndpointConversation::stop_for_silence() {
  const loop::Duration limit = quiet_limit();
  silent_ = true;
  stop(ETIMEDOUT, fmt::format("the application sent nothing for {} s", seconds(limit)));
  scope_.cancel(ETIMEDOUT);
}

loop::Duration EndpointConversation::quiet_limit() const {
  if (passing_) return options_.upgraded_idle_time;
  return answered_ ? options_.read_timeout : options_.first_byte_timeout;
}

loop::Time EndpointConversation::quiet_deadline() const {
  const loop::Duration limit = quiet_limit();
  if (pumping_ || limit == loop::Duration::zero()) return loop::kNever;
  return quiet_since_ + limit;
}

void EndpointConversation::take_first_bytes() {
  quiet_since_ = loop_.now();
  if (!answered_) lease_->at(apps::Phase::kReply);
  answered_ = true;
}

void EndpointConversation::expect_passage() {
  passing_ = true;
  scope_.set_deadline(loop::kNever);
}

void EndpointConversation::take_output(std::string_view bytes) {
  take_first_bytes();
  if (dropping_) return;
  if (!reading_.empty() && inbox_.is_empty()) {
    const size_t count = std::min(reading_.size(), bytes.size());
    std::memcpy(reading_.data(), bytes.data(), count);
    got_ += count;
    reading_ = reading_.subspan(count);
    bytes.remove_prefix(count);
    arrived_.notify_all();
  }
  if (!bytes.empty()) keep(bytes);
}

void EndpointConversation::keep(std::string_view bytes) {
  inbox_.append(bytes);
  if (inbox_.wants_store()) loop_.root().spawn(store(shared_from_this()));
  const Inbox::Room room = inbox_.room();
  if (room == Inbox::Room::kYes) return;
  if (!is_shared()) return hold_back();
  // Others wait behind it on the same connection.
  if (room == Inbox::Room::kNo)
    return stop_keeping("its client took the answer too slowly, and no more of it can be kept");
  if (!inbox_.is_overdrawn()) return;
  hold_back();
  if (!std::exchange(watching_disk_, true)) scope_.spawn(watch_disk());
}

// Of a connection that is shared, this request alone ends.
void EndpointConversation::stop_keeping(std::string_view why) {
  stop(ENOBUFS, why);
  scope_.cancel(ENOBUFS);
}

// A connection that is shared does not wait for its client: if the disk has failed, the next bytes are those
// that cannot be kept.
loop::Task<void> EndpointConversation::store(std::shared_ptr<EndpointConversation> self) {
  co_await self->inbox_.store();
  if (!self->holding_back_) co_return;
  const Inbox::Room room = self->inbox_.room();
  if (room == Inbox::Room::kYes || (room == Inbox::Room::kNo && self->is_shared())) self->stop_holding_back();
}

// While a connection that is shared is held back for the disk: not for longer than its neighbours can bear.
loop::Task<void> EndpointConversation::watch_disk() {
  while (holding_back_ && loop_.now() < held_back_since_ + kDiskPatience) {
    if (!co_await loop_.sleep_until(held_back_since_ + kDiskPatience)) break;
  }
  watching_disk_ = false;
  if (holding_back_ && scope_.cancelled() == 0)
    stop_keeping("its client took the answer too slowly, and the disk did not keep up with it");
}

void EndpointConversation::hold_back() {
  if (holding_back_ || channel_ == nullptr) return;
  holding_back_ = true;
  held_back_since_ = loop_.now();
  channel_->pause();
}

void EndpointConversation::stop_holding_back() {
  if (!holding_back_) return;
  holding_back_ = false;
  quiet_since_ = loop_.now();
  channel_->resume();
}

void EndpointConversation::drop_answer() {
  dropping_ = true;
  stop_holding_back();
}

// --- the body

// Several requests that begin in one turn of the loop go out together.
void EndpointConversation::flush() {
  if (channel_ != nullptr) channel_->flush(is_shared() ? Channel::Flush::kTogether : Channel::Flush::kNow);
}

loop::Task<void> EndpointConversation::stop_input() {
  if (!pump_scope_) co_return;
  pump_scope_->cancel();
  co_await pump_scope_->join();
}

loop::Task<void> EndpointConversation::pump(http::Body* body) {
  const auto opened = co_await channel_->opened();
  bool whole = opened.has_value();
  if (whole && body != nullptr) whole = co_await pump_from(*body, Input::kBody);
  if (whole && question_.data != nullptr) {
    append_end(Input::kBody, channel_->output());
    whole = co_await pump_from(*question_.data, Input::kData);
  }
  pumping_ = false;
  quiet_since_ = loop_.now();
  arrived_.notify_all();
  if (whole && channel_ != nullptr) {
    end_input();
    flush();
  }
}

// Whether it came whole and went out.
loop::Task<bool> EndpointConversation::pump_from(http::Body& body, Input input) {
  std::vector<std::byte> piece(std::clamp<uint64_t>(body.remaining().value_or(kPumpPiece), 1, kPumpPiece));
  while (body.remaining() != uint64_t{0}) {
    const auto got = co_await body.read(piece);
    if (!got) fail_body(got.error().code);
    if (!got || channel_ == nullptr) co_return false;
    if (*got == 0) break;
    append(input, {reinterpret_cast<const char*>(piece.data()), *got}, channel_->output());
    if (body.remaining() != uint64_t{0}) flush();
    if (channel_ == nullptr || !co_await channel_->room() || channel_ == nullptr) co_return false;
  }
  co_return true;
}

void EndpointConversation::end_input() {
  const bool has_data = question_.role == Question::Role::kFilter;
  if (!has_data || question_.data == nullptr) append_end(Input::kBody, channel_->output());
  if (has_data) append_end(Input::kData, channel_->output());
  input_complete_ = true;
  lease_->at(apps::Phase::kApplication);
}

// A body that ends early must not look like a whole one.
void EndpointConversation::fail_body(int error) {
  if (pump_scope_->cancelled() != 0) return;
  body_error_ = error;
  verdict_ = stopped_verdict();
  must_stop_ = given_up_ = true;
  arrived_.notify_all();
  scope_.cancel(ECANCELED);
}

// --- standard error

void EndpointConversation::take_errors(std::string_view bytes) {
  quiet_since_ = loop_.now();
  lines_.feed(bytes, [this](std::string_view line) { take_error_line(line); });
}

// Beyond the limit lines are only kept for the journey.
void EndpointConversation::take_error_line(std::string_view line) {
  own_journey().add_error_line(line);
  const bool had_room = error_bytes_ < options_.errors_limit;
  error_bytes_ += line.size() + 1;
  if (error_bytes_ <= options_.errors_limit) {
    ground_.log.error_line(question_.request, options_.name, line);
  } else if (had_room) {
    ground_.log.error_line(question_.request, options_.name,
                           "(more on standard error than is logged for one request)");
  }
}

apps::Journey& EndpointConversation::own_journey() {
  if (!journey_) {
    journey_ = std::make_unique<apps::Journey>(lease_ ? lease_->journey() : apps::Journey());
    journey_->app = options_.name;
  }
  return *journey_;
}

apps::Journey& EndpointConversation::journey() { return own_journey(); }

}  // namespace remuda::gateway
