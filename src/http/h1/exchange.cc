// SPDX-License-Identifier: Apache-2.0
//
// What a handler can do besides answering: interim responses, and hearing that its client has left.
//
// FIN alone does not say that a client has left: it may have closed its sending half only and still be
// reading. The difference shows when something is sent: a socket that is gone answers with a reset. So a
// watched client whose half is closed, and to which nothing has been sent for two seconds, is asked with an
// interim 100, which RFC 9110 section 15.2 lets a server send at any time before the final response.
#include "http/h1/exchange.h"

#include <sys/socket.h>

#include "http/h1/response_writer.h"

namespace remuda::http::h1 {

namespace {
constexpr std::chrono::seconds kAskEvery{2};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
}  // namespace

H1Exchange::H1Exchange(base::Arena& its_arena, Driver& driver, int socket, Input& input)
    : Exchange(its_arena, driver.loop()),
      parser(request, driver.options().head),
      output(driver, socket),
      driver_(driver),
      input_(input) {
  body_limit = driver.options().body_bytes;
}

void H1Exchange::frame(const Framing& framing) {
  if (framing.kind == Framing::Kind::kNone) return;
  body.emplace(driver_, input_, output, framing, body_limit, arena);
  request.body = &*body;
}

loop::Task<base::Result<void>> H1Exchange::inform(int status, const Fields& fields) {
  if (request.version == Version::k10 || head_sent) co_return base::Result<void>();
  std::array<char, 4096> room;
  const auto head = write_interim_head(room, status, fields);
  if (!head) co_return std::unexpected(head.error());
  iovec piece{room.data(), *head};
  co_return co_await output.send({&piece, 1}, 0);
}

void H1Exchange::watch_client(loop::Scope& scope) {
  watched_ = &scope;
  if (watch_) return;
  watch_.emplace(loop);
  watch_->spawn(wait_for_hang_up());
  watch_->spawn(ask_the_half_closed());
}

void H1Exchange::stop_watching() { watched_ = nullptr; }

loop::Task<void> H1Exchange::wait_for_hang_up() {
  const auto gone = co_await loop.hung_up(output.socket());
  if (gone && watched_ != nullptr) watched_->cancel(ECONNRESET);
}

loop::Task<void> H1Exchange::ask_the_half_closed() {
  while (co_await loop.sleep_until(loop.now() + kAskEvery)) {
    if (head_sent || request.version != Version::k11) co_return;
    if (!half_closed()) continue;
    iovec piece{const_cast<char*>(kContinue.data()), kContinue.size()};
    const auto asked = co_await output.send({&piece, 1}, 0);
    if (!asked) co_return;
  }
}

bool H1Exchange::half_closed() const {
  std::byte next{};
  return ::recv(output.socket(), &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

loop::Task<void> H1Exchange::conclude() {
  watched_ = nullptr;
  if (watch_) {
    watch_->cancel();
    co_await watch_->join();
  }
  if (response.holder != nullptr) response.holder->release();
  drop_kept();
}

}  // namespace remuda::http::h1
