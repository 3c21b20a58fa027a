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

loop::Task<base::Result<wire::FastcgiValues>> ask_values(loop::Loop& loop, apps::Endpoint& endpoint,
                                                         loop::Time deadline) {
  auto socket = co_await endpoint.connect(deadline);
  if (!socket) co_return std::unexpected(socket.error());
  std::string question;
  wire::append_fastcgi_get_values(question);
  iovec piece{question.data(), question.size()};
  const msghdr message{.msg_iov = &piece, .msg_iovlen = 1};
  // So few bytes go into an empty buffer at once, or something is wrong.
  const auto sent = co_await loop.send_message(socket->get(), message, 0, deadline);
  if (!sent) co_return std::unexpected(sent.error());
  if (*sent < question.size()) co_return base::failure(EIO, "ask an application for its values");

  wire::FastcgiDecoder decoder;
  std::array<std::byte, 512> room;
  while (true) {
    const auto got = co_await loop.receive(socket->get(), room, deadline);
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) co_return base::failure(ECONNRESET, "ask an application for its values");
    std::string_view bytes(reinterpret_cast<const char*>(room.data()), *got);
    const wire::FastcgiEvent event = decoder.next(bytes);
    if (event.kind == wire::FastcgiEvent::Kind::kNeedsMore) continue;
    const auto values = event.kind == wire::FastcgiEvent::Kind::kValues
                            ? wire::read_fastcgi_values(event.content)
                            : std::nullopt;
    if (!values) co_return base::failure(EBADMSG, "ask an application for its values");
    co_return *values;
  }
}

}  // namespace remuda::gateway::fastcgi
