// SPDX-License-Identifier: Apache-2.0
//
// The steps of a connection, in the order in which they happen.
#include "http/h1/connection.h"

#include <sys/socket.h>

namespace remuda::http::h1 {

Connection::Connection(Driver& driver, loop::LoopFd socket, Address peer)
    : driver_(driver),
      socket_(std::move(socket)),
      endpoints_{.peer = peer, .socket = socket_.get(), .secure = false} {}

loop::Task<void> Connection::serve() {
  while (true) {
    const Next next = co_await serve_available();
    if (next == Next::kLinger) co_await linger();
    if (next != Next::kIdle) break;
    idle_ = true;
    idle_since_ = driver_.loop().now();
    driver_.became_idle(*this);
    const auto arrived = co_await driver_.loop().readable(socket_.get(), patience());
    idle_ = false;
    if (!arrived) break;
  }
}

void Connection::close_if_idle() {
  if (idle_) driver_.loop().cancel_reading(socket_.get());
}

loop::Time Connection::patience() const {
  const Options& options = driver_.options();
  return driver_.loop().now() + (had_request_ ? options.idle : options.first_byte);
}

// Serves what has arrived: one request most often, several if they were pipelined.
loop::Task<Connection::Next> Connection::serve_available() {
  const Borrowed active(driver_);
  Input input(active->received);
  const auto got = co_await driver_.loop().receive_now(socket_.get(), input.room());
  if (!got) co_return got.error().code == EAGAIN ? Next::kIdle : Next::kClose;
  if (*got == 0) co_return Next::kClose;
  input.received(*got);
  while (true) {
    const Next next = co_await serve_request(*active, input);
    if (next == Next::kClose && !input.empty()) co_return Next::kLinger;
    if (next != Next::kIdle || input.empty()) co_return next;
    input.compact();
  }
}

loop::Task<Connection::Next> Connection::serve_request(Active& active, Input& input) {
  base::Arena arena(active.arena_block);
  H1Exchange exchange(arena, driver_, socket_.get(), input);
  exchange.request.began = driver_.loop().now();
  exchange.request.endpoints = &endpoints_;
  exchange.request.id = driver_.service().next_request_id();
  had_request_ = true;
  Next next = Next::kClose;
  if (co_await read_head(exchange, input)) {
    next = co_await answer(exchange, active);
    if (next == Next::kIdle && exchange.response.takeover != nullptr)
      next = co_await hand_over(exchange, input);
  } else if (exchange.response.status != 0) {
    finish(exchange, co_await send_response(driver_, exchange, active, Persistence::kClose));
    next = Next::kLinger;
  } else {
    finish(exchange, {.trouble = exchange.trouble});
  }
  co_await exchange.conclude();
  co_return next;
}

// True: the head is complete and the body is framed. False: refused (a response is ready) or given up (it is
// not).
loop::Task<bool> Connection::read_head(H1Exchange& exchange, Input& input) {
  HeadParser& parser = exchange.parser;
  while (true) {
    const auto outcome = parser.parse(input.unread());
    if (outcome == HeadParser::Outcome::kComplete) [[likely]]
      break;
    if (outcome == HeadParser::Outcome::kRefused) {
      refuse(exchange, parser.status(), parser.why());
      co_return false;
    }
    if (input.room().empty()) {
      input.grow();
      parser.restart();
      continue;
    }
    const loop::Time deadline = exchange.request.began + driver_.options().head_time;
    const auto got = co_await driver_.loop().receive(socket_.get(), input.room(), deadline);
    if (!got && got.error().code == ETIMEDOUT) {
      refuse(exchange, 408, "the head of the request did not arrive in time");
      co_return false;
    }
    if (!got || *got == 0) {
      exchange.trouble = "the client left within the head of a request";
      co_return false;
    }
    input.received(*got);
  }
  exchange.record.head_read = driver_.loop().now();
  input.use(parser.head_bytes());
  exchange.frame(parser.framing());
  co_return true;
}

void Connection::refuse(H1Exchange& exchange, int status, std::string_view why) {
  exchange.record.head_read = driver_.loop().now();
  driver_.service().refuse(exchange, status, why);
}

loop::Task<Connection::Next> Connection::answer(H1Exchange& exchange, Active& active) {
  co_await driver_.service().handle(exchange);
  if (exchange.response.status == 0) driver_.service().refuse(exchange, 500, "the handler gave no response");
  const bool keep = exchange.parser.framing().keep_alive && !driver_.service().should_close() &&
                    (!exchange.body || exchange.body->can_be_drained());
  const Sent sent =
      co_await send_response(driver_, exchange, active, keep ? Persistence::kKeep : Persistence::kClose);
  finish(exchange, sent);
  if (exchange.response.takeover != nullptr && sent.complete) co_return Next::kIdle;
  if (!exchange.body || exchange.body->ended()) [[likely]] {
    co_return sent.persistence == Persistence::kKeep ? Next::kIdle : Next::kClose;
  }
  co_return co_await after_response(exchange, active, sent);
}

// A body that nobody read: read it away if the connection is to be kept, else linger so that the response
// arrives.
loop::Task<Connection::Next> Connection::after_response(H1Exchange& exchange, Active& active, Sent sent) {
  if (!sent.complete) co_return Next::kClose;
  if (sent.persistence == Persistence::kKeep && co_await drain(*exchange.body, active)) co_return Next::kIdle;
  co_return Next::kLinger;
}

loop::Task<bool> Connection::drain(RequestBody& body, Active& active) {
  uint64_t drained = 0;
  while (drained <= driver_.options().drain_bytes) {
    const auto got = co_await body.read(active.stream);
    if (!got) co_return false;
    if (*got == 0) co_return true;
    drained += *got;
  }
  co_return false;
}

namespace {

// The bytes of the connection, first those that came with the request.
class TakenOver final : public ByteStream {
 public:
  TakenOver(Driver& driver, H1Exchange& exchange, Input& input)
      : driver_(driver), exchange_(exchange), input_(input) {}

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override {
    if (!input_.empty()) {
      const size_t count = std::min(into.size(), input_.unread().size());
      std::memcpy(into.data(), input_.unread().data(), count);
      input_.use(count);
      co_return count;
    }
    co_return co_await driver_.loop().receive(exchange_.output.socket(), into,
                                              driver_.loop().now() + driver_.options().idle);
  }

  loop::Task<base::Result<void>> write(std::span<const std::byte> bytes) override {
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    co_return co_await exchange_.output.send({&piece, 1}, 0);
  }

 private:
  Driver& driver_;
  H1Exchange& exchange_;
  Input& input_;
};

}  // namespace

loop::Task<Connection::Next> Connection::hand_over(H1Exchange& exchange, Input& input) {
  TakenOver stream(driver_, exchange, input);
  co_await exchange.response.takeover->run(stream);
  co_return Next::kClose;
}

void Connection::finish(H1Exchange& exchange, const Sent& sent) {
  Record& record = exchange.record;
  record.status = exchange.response.status;
  record.bytes_sent = exchange.output.bytes();
  record.bytes_received = exchange.body ? exchange.body->received() : 0;
  record.ended = driver_.loop().now();
  record.complete = sent.complete;
  record.trouble = sent.trouble;
  driver_.service().finished(exchange, record);
}

// RFC 9112 section 9.6: says that nothing more will be sent and reads on for a while, so that the last
// response is not lost to the reset that unread bytes would cause.
loop::Task<void> Connection::linger() {
  ::shutdown(socket_.get(), SHUT_WR);
  const Borrowed active(driver_);
  const loop::Time deadline = driver_.loop().now() + driver_.options().linger;
  while (true) {
    const auto got = co_await driver_.loop().receive(socket_.get(), active->stream, deadline);
    if (!got || *got == 0) co_return;
  }
}

}  // namespace remuda::http::h1
