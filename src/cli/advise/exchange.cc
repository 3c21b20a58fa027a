// SPDX-License-Identifier: Apache-2.0
//
// The decoder gives the head as a piece of its own, with "Status: 200 OK" at its beginning, then the content.
#include "cli/advise/exchange.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <cstring>

namespace remuda::cli::advise {
namespace {

constexpr size_t kMostHead = 64 * 1024;

using Kind = gateway::wire::HttpEvent::Kind;

// FNV-1a, begun anew for each answer.
constexpr uint64_t kDigestStart = 0xcbf29ce484222325;
uint64_t digest_of(uint64_t digest, std::string_view text) {
  for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return digest;
}

int status_in(std::string_view head) {
  constexpr std::string_view kBegin = "Status: ";
  int status = 0;
  head.remove_prefix(std::min(kBegin.size(), head.size()));
  std::from_chars(head.data(), head.data() + head.size(), status);
  return status;
}

}  // namespace

void Exchange::begin(std::string_view request) {
  if (state_ != State::kDone || !decoder_->keeps()) connection_.reset();
  state_ = State::kSending;
  unsent_ = request;
  head_is_read_ = false;
  content_ = {.digest = kDigestStart};
  trouble_.clear();
  began_ = Clock::now();
  if (!connection_) connect();
  decoder_->begin({});
  if (state_ == State::kSending) send();
}

void Exchange::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, sizeof address.sun_path - 1);
  decoder_.emplace(kMostHead);
  connection_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(connection_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    fail(fmt::format("cannot connect: {}", std::strerror(errno)));
}

void Exchange::go_on() { state_ == State::kSending ? send() : receive(); }

short Exchange::awaited() const { return state_ == State::kSending ? POLLOUT : POLLIN; }

Micros Exchange::took() const { return std::chrono::duration_cast<Micros>(ended_ - began_); }

void Exchange::send() {
  const ssize_t sent = ::send(connection_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR)
    return fail(fmt::format("cannot send the request: {}", std::strerror(errno)));
  unsent_.remove_prefix(static_cast<size_t>(std::max<ssize_t>(sent, 0)));
  if (unsent_.empty()) state_ = State::kReceiving;
}

void Exchange::receive() {
  std::array<char, 64 * 1024> room;
  const ssize_t got = ::recv(connection_.get(), room.data(), room.size(), 0);
  if (got > 0) return take({room.data(), static_cast<size_t>(got)});
  if (got == 0) return take_end_of_connection();
  if (errno != EAGAIN && errno != EINTR) fail(fmt::format("the answer broke off: {}", std::strerror(errno)));
}

void Exchange::take(std::string_view bytes) {
  while (true) {
    const gateway::wire::HttpEvent event = decoder_->next(bytes);
    switch (event.kind) {
      case Kind::kNeedsMore: return;
      case Kind::kOutput: take_output(event.content); break;
      case Kind::kEnd: return finish();
      case Kind::kSwitched:
      case Kind::kBroken: return fail(fmt::format("the answer is not HTTP: {}", event.trouble));
    }
  }
}

// An interim answer (103) has a head, too: the last one counts.
void Exchange::take_output(std::string_view piece) {
  if (!head_is_read_) {
    status_ = status_in(piece);
    head_is_read_ = status_ >= 200;
    return;
  }
  content_.size += piece.size();
  content_.digest = digest_of(content_.digest, piece);
}

void Exchange::take_end_of_connection() {
  if (head_is_read_ && decoder_->ends_with_connection()) return finish();
  fail(head_is_read_ ? "the answer broke off before its end" : "the connection was closed without an answer");
}

void Exchange::finish() {
  ended_ = Clock::now();
  state_ = State::kDone;
}

void Exchange::fail(std::string trouble) {
  trouble_ = std::move(trouble);
  state_ = State::kFailed;
}

}  // namespace remuda::cli::advise
