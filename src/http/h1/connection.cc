// SPDX-License-Identifier: Apache-2.0
//
// The steps of a connection, in the order in which they happen.
#include "http/h1/connection.h"

#include "http/h1/taken_over.h"

namespace remuda::http::h1 {

namespace {
// Pipelined requests that are answered before other connections get their turn.
constexpr unsigned kFairRequests = 32;
// For the first byte of a client that came while connections are to end: it may be on its way.
constexpr std::chrono::seconds kLastPatience{1};
}  // namespace

Connection::Connection(Driver& driver, loop::LoopFd socket, const Address& peer)
    : driver_(driver), endpoints_{.peer = peer, .socket = socket.release(), .secure = false} {}

Connection::Connection(Connection&& other) noexcept : driver_(other.driver_), endpoints_(other.endpoints_) {
  other.endpoints_.socket = -1;
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (socket() >= 0) driver_.loop().close(std::exchange(endpoints_.socket, -1));
}

loop::Task<void> Connection::run(Connection self) {
  self.driver_.began();
  while (true) {
    const Next next = co_await self.serve_available();
    if (next == Next::kLinger) co_await self.linger();
    if (next != Next::kIdle || self.told_to_close_) break;
    self.become_idle();
    const auto arrived = co_await self.driver_.loop().readable(self.socket(), self.patience());
    self.unlink();
    if (!arrived && !self.told_to_close_) break;
  }
  self.close();
  self.driver_.ended();
}

void Connection::become_idle() {
  idle_since_ = driver_.loop().now();
  driver_.became_idle(*this);
}

void Connection::close_idle() {
  told_to_close_ = true;
  unlink();
  driver_.loop().cancel_reading(socket());
}

loop::Time Connection::patience() const {
  const Options& options = driver_.options();
  if (had_request_) return idle_since_ + options.idle;
  const bool hurry = driver_.service().should_close();
  return idle_since_ +
         (hurry ? std::min<loop::Duration>(options.first_byte, kLastPatience) : options.first_byte);
}

// Serves what has arrived: one request most often, several if they were pipelined.
loop::Task<Connection::Next> Connection::serve_available() {
  const Borrowed active(driver_);
  Input input(active->received);
  const auto got = co_await driver_.loop().receive_now(socket(), input.room());
  if (!got) co_return got.error().code == EAGAIN ? Next::kIdle : Next::kClose;
  if (*got == 0) co_return Next::kClose;
  input.received(*got);
  had_request_ = true;
  for (unsigned served = 1;; ++served) {
    const Next next = co_await serve_request(*active, input);
    if (next == Next::kClose && !input.empty()) co_return Next::kLinger;
    if (next != Next::kIdle || input.empty()) co_return next;
    input.release();
    if (served % kFairRequests == 0) co_await driver_.loop().yield();
  }
}

loop::Task<Connection::Next> Connection::serve_request(Active& active, Input& input) {
  base::Arena arena(active.arena_block);
  H1Exchange exchange(arena, driver_, endpoints_, input);
  const auto outcome = exchange.parser.parse(input.unread());
  Head head = Head::kGivenUp;
  if (outcome != HeadParser::Outcome::kIncomplete) [[likely]] {
    head = judge(exchange, outcome, input);
  } else {
    head = co_await read_head(exchange, input);
  }
  Next next = Next::kClose;
  if (head == Head::kComplete) [[likely]] {
    co_await driver_.service().handle(exchange);
    next = co_await answer(exchange, active, input);
  } else if (head == Head::kRefused) {
    next = co_await answer_refused(exchange, active);
  } else if (exchange.parser.has_begun()) {
    finish(exchange, {});
  }
  if (exchange.is_watching()) [[unlikely]]
    co_await exchange.end_watch();
  exchange.conclude();
  co_return next;
}

// --- the head ----------------------------------------------------------------------------------------------

// The outcome is kComplete or kRefused.
Connection::Head Connection::judge(H1Exchange& exchange, HeadParser::Outcome outcome, Input& input) {
  exchange.record.head_read = driver_.loop().now();
  if (outcome == HeadParser::Outcome::kRefused) [[unlikely]] {
    refuse(exchange, exchange.parser.status(), exchange.parser.why());
    return Head::kRefused;
  }
  input.use(exchange.parser.head_bytes());
  exchange.begin_body();
  return Head::kComplete;
}

// A head that did not arrive in one piece.
loop::Task<Connection::Head> Connection::read_head(H1Exchange& exchange, Input& input) {
  const loop::Time deadline = exchange.request.began + driver_.options().head_time;
  while (true) {
    const char* const first = input.unread().data();
    input.make_room();
    if (input.unread().data() != first) exchange.parser.restart();
    const auto got = co_await driver_.loop().receive(socket(), input.room(), deadline);
    if (!got || *got == 0) co_return head_cut_short(exchange, got ? ECONNRESET : got.error().code);
    input.received(*got);
    const auto outcome = exchange.parser.parse(input.unread());
    if (outcome != HeadParser::Outcome::kIncomplete) co_return judge(exchange, outcome, input);
  }
}

Connection::Head Connection::head_cut_short(H1Exchange& exchange, int error) {
  if (error == ETIMEDOUT && exchange.parser.has_begun()) {
    refuse(exchange, 408, "the head of the request did not arrive in time");
    return Head::kRefused;
  }
  exchange.record.head_read = driver_.loop().now();
  exchange.record.trouble = "the client left within the head of a request";
  return Head::kGivenUp;
}

void Connection::refuse(H1Exchange& exchange, int status, std::string_view why) {
  exchange.record.head_read = driver_.loop().now();
  exchange.record.trouble = why;
  driver_.service().refuse(exchange, status, why);
}

loop::Task<Connection::Next> Connection::answer_refused(H1Exchange& exchange, Active& active) {
  finish(exchange, co_await send_response(driver_, exchange, active, Persistence::kClose));
  co_return Next::kLinger;
}

// --- the response ------------------------------------------------------------------------------------------

loop::Task<Connection::Next> Connection::answer(H1Exchange& exchange, Active& active, Input& input) {
  const Response& response = exchange.response;
  if (exchange.client_has_left()) [[unlikely]]
    co_return co_await leave_unanswered(exchange);
  if (response.status < 200 || response.takeover != nullptr) [[unlikely]]
    co_await make_answerable(exchange, active);
  Sent sent = co_await send_response(driver_, exchange, active, wish(exchange));
  if (sent.unsendable) [[unlikely]] {
    exchange.drop_response();
    exchange.record.trouble = sent.trouble;
    driver_.service().refuse(exchange, 500, sent.trouble);
    sent = co_await send_response(driver_, exchange, active, Persistence::kClose);
  }
  if (response.takeover != nullptr && sent.complete) [[unlikely]]
    co_return co_await hand_over(exchange, input, sent);
  finish(exchange, sent);
  const bool body_ended = !exchange.body || exchange.body->ended();
  if (sent.complete && sent.persistence == Persistence::kKeep && body_ended) [[likely]]
    co_return Next::kIdle;
  co_return co_await after_response(exchange, active, sent);
}

// Nobody is there any more: what the handler made of that is told to nobody and is no failure of the
// server's.
loop::Task<Connection::Next> Connection::leave_unanswered(H1Exchange& exchange) {
  const auto* stream = std::get_if<StreamContent>(&exchange.response.content);
  if (stream != nullptr) co_await stream->body->stop();
  exchange.drop_response();
  exchange.record.trouble = "the client left before it was answered";
  finish(exchange, {});
  co_return Next::kClose;
}

// What no client can be sent becomes an error; before a takeover the request's body is read to its end, since
// the new protocol begins after it (RFC 9110 section 7.8).
loop::Task<void> Connection::make_answerable(H1Exchange& exchange, Active& active) {
  Response& response = exchange.response;
  const char* trouble = nullptr;
  if (response.takeover != nullptr) {
    const bool ready =
        !exchange.body || co_await drain(*exchange.body, active, driver_.options().drain_bytes);
    if (!ready) trouble = "the body of a request for another protocol could not be read";
  } else if (response.status == 0) {
    trouble = "the handler gave no response";
  } else {
    trouble = "the handler gave an interim response as its answer";
  }
  if (trouble == nullptr) co_return;
  if (const auto* stream = std::get_if<StreamContent>(&response.content)) co_await stream->body->stop();
  exchange.drop_response();
  exchange.record.trouble = trouble;
  driver_.service().refuse(exchange, 500, trouble);
}

Persistence Connection::wish(const H1Exchange& exchange) const {
  const bool keep = exchange.parser.framing().keep_alive && !told_to_close_ &&
                    !driver_.service().should_close() && (!exchange.body || exchange.body->can_be_drained());
  return keep ? Persistence::kKeep : Persistence::kClose;
}

// The connection ends, or a body was not read. One that was promised to be kept is kept if the rest of the
// body can be read away. A client that may be sending more is given time to read the response before the
// reset that its bytes would cause (RFC 9112 section 9.6).
loop::Task<Connection::Next> Connection::after_response(H1Exchange& exchange, Active& active, Sent sent) {
  if (!sent.complete) co_return Next::kClose;
  const bool body_ended = !exchange.body || exchange.body->ended();
  if (sent.persistence == Persistence::kKeep) {
    const bool drained = co_await drain(*exchange.body, active, driver_.options().drain_bytes);
    co_return drained ? Next::kIdle : Next::kLinger;
  }
  co_return body_ended && !exchange.parser.framing().keep_alive ? Next::kClose : Next::kLinger;
}

loop::Task<bool> Connection::drain(RequestBody& body, Active& active, uint64_t most) {
  uint64_t drained = 0;
  while (drained <= most) {
    const auto got = co_await body.read(active.stream);
    if (!got) co_return false;
    if (*got == 0) co_return true;
    drained += *got;
  }
  co_return false;
}

loop::Task<Connection::Next> Connection::hand_over(H1Exchange& exchange, Input& input, Sent sent) {
  TakenOver stream(driver_, exchange.output, input);
  const uint64_t before = exchange.output.bytes();
  co_await exchange.response.takeover->run(stream);
  exchange.record.bytes_received = stream.received();
  exchange.record.body_bytes_sent = exchange.output.bytes() - before;
  finish(exchange, sent);
  co_return Next::kLinger;
}

void Connection::finish(H1Exchange& exchange, const Sent& sent) {
  Record& record = exchange.record;
  record.status = exchange.response.status;
  record.bytes_sent = exchange.output.bytes();
  if (exchange.body) record.bytes_received += exchange.body->received();
  record.ended = driver_.loop().now();
  record.complete = sent.complete;
  if (!sent.trouble.empty()) record.trouble = sent.trouble;
  driver_.service().finished(exchange, record);
}

// RFC 9112 section 9.6: says that nothing more will be sent and reads on for a while, so that the last
// response is not lost to the reset that unread bytes would cause.
loop::Task<void> Connection::linger() {
  loop::Loop& loop = driver_.loop();
  loop.end_sending(socket());
  const loop::Time deadline = loop.now() + driver_.options().linger;
  while (loop.now() < deadline && co_await loop.readable(socket(), deadline)) {
    {
      const Borrowed active(driver_);
      const auto got = co_await loop.receive_now(socket(), active->stream);
      if (got ? *got == 0 : got.error().code != EAGAIN) co_return;
    }
    co_await loop.yield();  // so that time passes, whatever the client sends
  }
}

}  // namespace remuda::http::h1
