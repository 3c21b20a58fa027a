// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/values_question.h"

#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <string>

#include "gateway/wire/fastcgi_decoder.h"
#include "gateway/wire/fastcgi_encoder.h"

namespace remuda::gateway::fastcgi {

namespace {

using Values = base::Result<wire::FastcgiValues>;
using Kind = wire::FastcgiEvent::Kind;

constexpr const char* kStep = "ask an application for its values";

std::string question_for(Trial trial) {
  std::string question;
  if (trial == Trial::kTwoRequests) {
    for (const uint16_t request : {uint16_t{1}, uint16_t{2}})
      wire::append_fastcgi_begin(request, wire::FastcgiRole::kResponder, wire::KeepConnection::kYes,
                                 question);
  }
  wire::append_fastcgi_get_values(question);
  return question;
}

// Whatever else comes is said of requests that are not complete.
Values judge(const wire::FastcgiEvent& event, Trial trial) {
  if (event.kind == Kind::kValues) {
    if (const auto values = wire::read_fastcgi_values(event.content)) return *values;
  } else if (trial == Trial::kTwoRequests && event.kind != Kind::kUnknownType) {
    return wire::FastcgiValues{.multiplexes = false};
  }
  return base::failure(EBADMSG, kStep);
}

}  // namespace

loop::Task<Values> ask_values(loop::Loop& loop, apps::Endpoint& endpoint, Trial trial, loop::Time deadline) {
  auto socket = co_await endpoint.connect(deadline);
  if (!socket) co_return std::unexpected(socket.error());
  std::string question = question_for(trial);
  iovec piece{question.data(), question.size()};
  const msghdr message{.msg_iov = &piece, .msg_iovlen = 1};
  // So few bytes go into an empty buffer at once, or something is wrong.
  const auto sent = co_await loop.send_message(socket->get(), message, 0, deadline);
  if (!sent) co_return std::unexpected(sent.error());
  if (*sent < question.size()) co_return base::failure(EIO, kStep);

  wire::FastcgiDecoder decoder;
  std::array<std::byte, 512> room;
  while (true) {
    const auto got = co_await loop.receive(socket->get(), room, deadline);
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) {
      if (trial == Trial::kTwoRequests) co_return wire::FastcgiValues{.multiplexes = false};
      co_return base::failure(ECONNRESET, kStep);
    }
    std::string_view bytes(reinterpret_cast<const char*>(room.data()), *got);
    const wire::FastcgiEvent event = decoder.next(bytes);
    if (event.kind != Kind::kNeedsMore) co_return judge(event, trial);
  }
}

}  // namespace remuda::gateway::fastcgi
