// SPDX-License-Identifier: Apache-2.0
//
// What a handler can do besides answering: interim responses, and hearing that its client has left.
//
// FIN alone does not say that a client has left: it may have closed its sending half only and still be
// reading. The difference shows when something is sent: a socket that is gone answers with a reset. So a
// watched client whose half is closed, and to which nothing has been sent for two seconds, is asked with an
// interim 100, which RFC 9110 section 15.2 lets a server send at any time before the final response.
#include "http/h1/exchange.h"

#include <utility>

#include "http/h1/response_writer.h"

namespace remuda::http::h1 {

namespace {
constexpr std::chrono::seconds kAskEvery{2};
constexpr size_t kLargestInterim = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
}  // namespace

H1Exchange::H1Exchange(base::Arena& its_arena, Driver& driver, const Endpoints& endpoints, Input& input)
    : Exchange(its_arena, driver.loop()),
      parser(request, driver.options().head),
      output(driver, endpoints.socket),
      driver_(driver),
      input_(input) {
  request.began = loop.now();
  request.endpoints = &endpoints;
  request.local_ends = &driver.local_ends();
  request.id = driver.service().next_request_id();
  body_limit = driver.options().body_bytes;
}

void H1Exchange::begin_body() {
  const Framing& framing = parser.framing();
  if (framing.kind == Framing::Kind::kNone) return;
  input_.keep_used();
  body.emplace(driver_, input_, output, framing, body_limit, arena);
  request.body = &*body;
}

void H1Exchange::drop_response() {
  if (response.holder != nullptr) std::exchange(response.holder, nullptr)->release();
  response.status = 0;
  response.reason = {};
  response.fields.clear();
  response.prepared_fields = {};
  response.content = std::monostate();
  response.length.reset();
  response.takeover = nullptr;
  response.internal_redirect = {};
  response.file = {};
  response.raw = false;
}

loop::Task<base::Result<void>> H1Exchange::inform(int status, const Fields& fields) {
  if (request.version == Version::k10 || output.final_begun()) co_return base::Result<void>();
  const size_t needed = interim_head_room(fields);
  if (needed > kLargestInterim) co_return base::failure(EMSGSIZE, "an interim response of more than 64 KiB");
  const std::span<char> room = arena.make_array<char>(needed);
  const auto head = write_interim_head(room, status, fields);
  if (!head) co_return std::unexpected(head.error());
  co_return co_await output.send_interim({room.data(), *head});
}

void H1Exchange::watch_client(loop::Scope& scope) {
  if (client_gone_) return scope.cancel(ECONNRESET);
  watched_ = &scope;
  if (watch_) return;
  watch_.emplace(loop);
  watch_->spawn(wait_for_hang_up());
  watch_->spawn(ask_the_half_closed());
}

void H1Exchange::stop_watching() { watched_ = nullptr; }

loop::Task<void> H1Exchange::wait_for_hang_up() {
  const auto gone = co_await loop.hung_up(output.socket());
  if (!gone) co_return;
  client_gone_ = true;
  if (watched_ != nullptr) std::exchange(watched_, nullptr)->cancel(ECONNRESET);
}

loop::Task<void> H1Exchange::ask_the_half_closed() {
  while (co_await loop.sleep_until(loop.now() + kAskEvery)) {
    if (output.final_begun() || request.version != Version::k11) co_return;
    if (watched_ == nullptr || !loop.peer_ended_sending(output.socket())) continue;
    const auto asked = co_await output.try_interim(kContinue);
    if (!asked) co_return;
  }
}

loop::Task<void> H1Exchange::end_watch() {
  watched_ = nullptr;
  watch_->cancel();
  co_await watch_->join();
}

void H1Exchange::conclude() {
  if (response.holder != nullptr) response.holder->release();
  drop_kept();
}

}  // namespace remuda::http::h1
