// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/proxy/connection.h"

#include <cerrno>
#include <utility>

#include "gateway/proxy/connections.h"

namespace remuda::gateway::proxy {

Connection::Connection(ChannelGround& ground, apps::Endpoint& endpoint, Connections& owner, size_t head_limit)
    : Channel(ground, endpoint),
      owner_(&owner),
      rules_(endpoint.keep_rules()),
      decoder_(head_limit),
      keep_(rules_.idle > 0) {}

void Connection::attach(Stream& stream, wire::HttpAsked asked) {
  stream_ = &stream;
  heard_ = false;
  decoder_.begin(asked);
}

void Connection::received(std::string_view bytes) {
  if (stream_ == nullptr) return close();
  if (!std::exchange(heard_, true)) stream_->heard();
  using Kind = wire::HttpEvent::Kind;
  while (!is_closing() && stream_ != nullptr) {
    const wire::HttpEvent event = decoder_.next(bytes);
    switch (event.kind) {
      case Kind::kNeedsMore: return;
      case Kind::kOutput: stream_->output(event.content); break;
      case Kind::kSwitched: stream_->switched(); break;
      case Kind::kEnd: return take_end(bytes);
      case Kind::kBroken: return close(EBADMSG, event.trouble);
    }
  }
}

// An answer that came before the whole request was sent: the rest would be taken for the next one.
bool Connection::may_rest(std::string_view rest) const {
  return keeps() && decoder_.keeps() && rest.empty() && stream_->has_said_all() && !has_output() &&
         !is_closing();
}

void Connection::take_end(std::string_view rest) {
  const bool rests = may_rest(rest);
  Stream* const stream = std::exchange(stream_, nullptr);
  ++served_;
  idle_since_ = loop().now();
  if (!rests || owner_ == nullptr || !owner_->rests(*this)) close();
  stream->request_ended();
}

void Connection::retire() {
  keep_ = false;
  if (is_idle()) close();
}

loop::Time Connection::silence_deadline() const {
  return stream_ != nullptr || served_ == 0 ? loop::kNever : idle_since_ + rules_.idle_time;
}

loop::Task<void> Connection::end_sending() {
  while (has_output() && !is_closing()) {
    if (!co_await moved()) co_return;
  }
  if (is_open()) loop().end_sending(descriptor());
}

void Connection::closed(const ChannelEnd& end) {
  const bool is_its_own = end.when == ChannelEnd::When::kOpen && end.error != ECANCELED;
  const bool in_silence = served_ > 0 && stream_ != nullptr && !heard_ && end.error != ECANCELED;
  if (owner_ != nullptr) owner_->gone(*this, in_silence);
  Stream* const stream = std::exchange(stream_, nullptr);
  if (stream == nullptr) return;
  const bool whole = is_its_own && decoder_.ends_with_connection() && end.error == 0;
  whole ? stream->request_ended() : stream->connection_ended(end);
}

}  // namespace remuda::gateway::proxy
