// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/connections.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace remuda::gateway::fastcgi {

namespace {

// At once, for an application that multiplexes and does not say how many.
constexpr uint32_t kUsualRequests = 64;

// Of so many connections that are wanted before they have settled: otherwise a steady load would never learn.
constexpr uint32_t kOneTells = 16;

}  // namespace

Connections::Connections(ChannelGround& ground, apps::Endpoint& endpoint, Multiplex multiplex,
                         Curiosity& curiosity)
    : ground_(ground), endpoint_(endpoint), multiplex_(multiplex), curiosity_(curiosity) {}

Connections::~Connections() {
  for (const auto& connection : all_) {
    connection->disown();
    connection->close();
  }
}

bool Connections::multiplexes() const {
  return !must_not_share_ && multiplex_ != Multiplex::kOff && endpoint_.capacity().multiplexes;
}

void Connections::close_idle() {
  idle_.clear();
  for (const auto& connection : all_) connection->retire();
}

std::shared_ptr<Connection> Connections::lend(Resend resend) {
  if (auto connection = multiplexes() ? lend_shared() : lend_idle(resend)) return connection;
  return connect();
}

std::shared_ptr<Connection> Connections::lend_idle(Resend resend) {
  while (!idle_.empty()) {
    Connection& last = *idle_.back();
    idle_.pop_back();
    if (!last.has_room()) continue;
    if (last.is_settling()) {
      ++hasty_ % kOneTells == 0 ? last.set_aside() : last.close();
      continue;
    }
    // On a local socket a send to a peer that has gone fails at once, with nothing sent.
    if (resend == Resend::kSafe || last.is_local() || !last.is_cut())
      return std::static_pointer_cast<Connection>(last.shared_from_this());
    last.close();
  }
  return nullptr;
}

std::shared_ptr<Connection> Connections::lend_shared() {
  auto found = std::ranges::find_if(all_, [](const auto& each) { return each->has_room(); });
  // Too many requests on one are better than one that it does not take.
  if (found == all_.end() && !may_connect())
    found = std::ranges::find_if(all_, [](const auto& each) { return each->takes_more(); });
  if (found == all_.end()) return nullptr;
  std::erase(idle_, found->get());
  return *found;
}

std::shared_ptr<Connection> Connections::connect() {
  return all_.emplace_back(std::make_shared<Connection>(ground_, endpoint_, *this));
}

// As far as this loop can see.
bool Connections::may_connect() const { return all_.size() < endpoint_.capacity().connections; }

void Connections::start(Connection& connection) {
  if (asking_ != Ask::kFirst) connection.start();
}

bool Connections::rests(Connection& connection) {
  if (connection.served() > 1) keeping_works_ = true;
  // Another one waits until it is accepted.
  if (all_.size() > endpoint_.capacity().connections) return false;
  if (idle_.size() >= endpoint_.keep_rules().idle) return false;
  idle_.push_back(&connection);
  return true;
}

void Connections::gone(Connection& connection, bool in_silence) {
  std::erase(idle_, &connection);
  std::erase_if(all_, [&](const auto& each) { return each.get() == &connection; });
  if (!in_silence || keeping_works_) return;
  endpoint_.cannot_keep_connections();
  close_idle();  // the others are no better, and a request that is sent again would die on the next
}

// --- what it can

bool Connections::should_ask(Ask when) {
  const bool is_known = multiplex_ == Multiplex::kOn;
  if (is_known != (when == Ask::kFirst) || multiplex_ == Multiplex::kOff) return false;
  if (asking_ || must_not_share_ || endpoint_.capacity().multiplexes) return false;
  if (is_known ? asked_ : !curiosity_.is_awake(endpoint_.generation(), ground_.loop.now())) return false;
  asked_ = true;
  asking_ = when;
  return true;
}

void Connections::answered(const wire::FastcgiValues& values) {
  if (!values.multiplexes) return asked_in_vain();
  if (*values.multiplexes) {
    learn(values);
  } else if (multiplex_ == Multiplex::kOn) {
    refused_to_multiplex();
  } else {
    curiosity_.was_told_no();
  }
  end_asking();
}

void Connections::asked_in_vain() {
  curiosity_.was_in_vain(ground_.loop.now());
  if (multiplex_ == Multiplex::kOn) learn({});
  end_asking();
}

void Connections::learn(const wire::FastcgiValues& values) {
  if (must_not_share_) return;
  const uint32_t connections = std::max(values.connections.value_or(UINT32_MAX), 1U);
  const uint64_t most = uint64_t{connections} * Connection::kMostAtOnce;
  const uint64_t requests = std::min<uint64_t>(values.requests.value_or(kUsualRequests), most);
  endpoint_.learned({.requests = std::max(static_cast<uint32_t>(requests), 1U),
                     .connections = connections,
                     .multiplexes = true});
}

// Those that waited for it start: a copy, because one may be gone at once.
void Connections::end_asking() {
  if (std::exchange(asking_, std::nullopt) != Ask::kFirst) return;
  for (const auto& connection : std::vector(all_)) connection->start();
}

// A process that takes one request at a time takes one connection at a time as well: what it keeps open
// without a request pins it.
void Connections::refused_to_multiplex() {
  if (std::exchange(must_not_share_, true)) return;
  endpoint_.cannot_multiplex();
}

}  // namespace remuda::gateway::fastcgi
