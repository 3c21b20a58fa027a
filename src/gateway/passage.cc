// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/passage.h"

#include <array>
#include <cerrno>

namespace remuda::gateway {

namespace {

constexpr size_t kPiece = 16 * 1024;
constexpr std::chrono::seconds kLastWords{5};

}  // namespace

// Either direction that ends ends the other. What is still open then is closed by letting the stream go.
loop::Task<void> Passage::run(http::ByteStream& client) {
  loop::Scope beside(exchange_.loop);
  beside.spawn(upstream(client));
  co_await downstream(client);
  beside.cancel();
  co_await beside.join();
}

loop::Task<void> Passage::upstream(http::ByteStream& client) {
  Conversation& application = stream_.conversation();
  const auto piece = std::make_unique<std::array<std::byte, kPiece>>();
  while (true) {
    const auto got = co_await client.read(*piece);
    if (!got && got.error().code == ETIMEDOUT) continue;  // the conversation knows how long is too long
    if (!got || *got == 0) break;
    if (!co_await application.send(std::span(*piece).first(*got))) co_return;
  }
  co_await application.end_sending();
  if (co_await exchange_.loop.sleep_until(exchange_.loop.now() + kLastWords))
    application.let_go(Conversation::Debt::kOwed);
}

loop::Task<void> Passage::downstream(http::ByteStream& client) {
  const auto piece = std::make_unique<std::array<std::byte, kPiece>>();
  while (true) {
    const auto got = co_await stream_.read(*piece);
    if (!got || *got == 0) co_return;
    if (!co_await client.write(std::span(*piece).first(*got))) co_return;
  }
}

}  // namespace remuda::gateway
