// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "gateway/fastcgi/connections.h"

namespace remuda::gateway::fastcgi {

namespace {

constexpr uint64_t kReadAhead = 8192;              // by libfcgi
constexpr std::chrono::milliseconds kSettles{10};  // who reads on has done so by then

}  // namespace

Connection::Connection(ChannelGround& ground, apps::Endpoint& endpoint, Connections& owner)
    : Channel(ground, endpoint), owner_(&owner), rules_(endpoint.keep_rules()), keep_(rules_.idle > 0) {}

bool Connection::has_room() const {
  return takes_more() && active_ < kMostAtOnce && served_ + active_ < rules_.requests;
}

uint16_t Connection::attach(Stream& stream) {
  const auto free = std::ranges::find(places_, false, &Place::taken);
  const auto at = static_cast<size_t>(free - places_.begin());
  if (free == places_.end()) places_.emplace_back();
  places_[at] = {&stream, true};
  if (active_++ == 0) {
    heard_ = had_body_ = false;
    began_at_ = appended();
  }
  return static_cast<uint16_t>(at + 1);
}

void Connection::withdraw(uint16_t request) {
  *place_of(request) = {};
  if (--active_ == 0) rest();
}

// The id stays taken, because the application may still answer; so no new request comes here.
void Connection::detach(uint16_t request) {
  if (Place* const place = place_of(request)) place->stream = nullptr;
  keep_ = false;
  if (is_deserted()) close();
}

// Nobody waits for what may still come.
bool Connection::is_deserted() const {
  return std::ranges::all_of(places_, [](const Place& place) { return place.stream == nullptr; });
}

Connection::Place* Connection::place_of(uint16_t request) {
  if (request == 0 || request > places_.size() || !places_[request - 1U].taken) return nullptr;
  return &places_[request - 1U];
}

void Connection::received(std::string_view bytes) {
  heard_ = true;
  while (!is_closing()) {
    const wire::FastcgiEvent event = decoder_.next(bytes);
    if (event.kind == wire::FastcgiEvent::Kind::kNeedsMore) return;
    take(event);
  }
}

void Connection::take(const wire::FastcgiEvent& event) {
  using Kind = wire::FastcgiEvent::Kind;
  if (event.kind == Kind::kBroken) return close(EBADMSG, event.trouble);
  if (event.kind == Kind::kValues || event.kind == Kind::kUnknownType) return;
  Place* const place = place_of(event.request);
  if (place == nullptr) return retire();
  if (event.kind == Kind::kEnd) return take_end(event);
  if (place->stream == nullptr) return;
  if (event.kind == Kind::kOutput) place->stream->output(event.content);
  if (event.kind == Kind::kErrors) place->stream->errors(event.content);
}

// What an application has not read of a request would come before the next one.
void Connection::take_end(const wire::FastcgiEvent& event) {
  Place& place = *place_of(event.request);
  Stream* const stream = std::exchange(place.stream, nullptr);
  place.taken = false;
  --active_;
  ++served_;
  const bool clean = stream == nullptr || stream->has_said_all();
  had_body_ = had_body_ || (stream != nullptr && stream->has_body());
  if (!clean) keep_ = keep_ && active_ > 0;
  if (active_ == 0) {
    rest();
  } else if (is_deserted()) {
    close();
  }
  if (stream != nullptr) stream->request_ended(event.app_status, event.status);
}

// Its last request has ended.
void Connection::rest() {
  const bool stays =
      keep_ && !has_output() && served_ < rules_.requests && owner_ != nullptr && !is_closing();
  const Leftover left = stays ? leftover() : Leftover::kNone;
  settling_ = left == Leftover::kPerhaps;
  if (!stays || left == Leftover::kTooMuch || !owner_->rests(*this)) return close();
  idle_since_ = loop().now();
}

Connection::Leftover Connection::leftover() const {
  if (!had_body_ || owner_->multiplexes() || owner_->reads_on()) return Leftover::kNone;
  if (!is_local()) return appended() - began_at_ > kReadAhead ? Leftover::kTooMuch : Leftover::kNone;
  if (has_unread()) return Leftover::kPerhaps;
  return is_cut() ? Leftover::kTooMuch : Leftover::kNone;  // read as a request, and the sending ended for it
}

// Of a unix socket: what its peer has not taken.
bool Connection::has_unread() const {
  int bytes = 0;
  return ::ioctl(descriptor(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

void Connection::silent() {
  if (!std::exchange(settling_, false) || has_unread()) return close();
  if (owner_ != nullptr) owner_->saw_reading_on();
  if (!keep_) close();
}

void Connection::retire() {
  keep_ = false;
  if (active_ == 0) close();
}

loop::Time Connection::silence_deadline() const {
  if (active_ > 0) return loop::kNever;
  return idle_since_ + (settling_ ? std::min<loop::Duration>(kSettles, rules_.idle_time) : rules_.idle_time);
}

void Connection::closed(const ChannelEnd& end) {
  const bool in_silence = served_ == 1 && active_ > 0 && !heard_ && end.error != ECANCELED;
  if (owner_ != nullptr) owner_->gone(*this, in_silence);
  for (size_t i = 0; i < places_.size(); ++i) {
    if (Stream* const stream = std::exchange(places_[i].stream, nullptr)) stream->connection_ended(end);
  }
  places_.clear();
  active_ = 0;
}

}  // namespace remuda::gateway::fastcgi
