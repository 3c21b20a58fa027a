// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/connections.h"

#include <algorithm>
#include <cstdint>

namespace remuda::gateway::fastcgi {

namespace {

// At once, for an application that multiplexes and does not say how many.
constexpr uint32_t kUsualRequests = 64;

// The instances of an application are alike: the next one will not know the question either.
constexpr unsigned kAsksInVain = 3;

}  // namespace

Connections::Connections(ChannelGround& ground, apps::Endpoint& endpoint, Multiplex multiplex,
                         unsigned& asked_in_vain)
    : ground_(ground), endpoint_(endpoint), multiplex_(multiplex), asked_in_vain_(asked_in_vain) {}

Connections::~Connections() {
  for (const auto& connection : all_) {
    connection->disown();
    connection->close();
  }
}

bool Connections::multiplexes() const {
  if (must_not_share_ || multiplex_ == Multiplex::kOff) return false;
  return multiplex_ == Multiplex::kOn || endpoint_.capacity().multiplexes;
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
    // On a local socket a send to a peer that has gone fails at once, with nothing sent.
    if (resend == Resend::kSafe || last.is_local() || !last.is_cut())
      return std::static_pointer_cast<Connection>(last.shared_from_this());
    last.close();
  }
  return nullptr;
}

std::shared_ptr<Connection> Connections::lend_shared() {
  const auto found = std::ranges::find_if(all_, [](const auto& each) { return each->has_room(); });
  if (found == all_.end()) return nullptr;
  std::erase(idle_, found->get());
  return *found;
}

std::shared_ptr<Connection> Connections::connect() {
  return all_.emplace_back(std::make_shared<Connection>(ground_, endpoint_, *this));
}

bool Connections::rests(Connection& connection) {
  if (connection.served() > 1) keeping_works_ = true;
  if (idle_.size() >= endpoint_.keep_rules().idle) return false;
  idle_.push_back(&connection);
  return true;
}

void Connections::gone(Connection& connection, bool in_silence) {
  std::erase(idle_, &connection);
  std::erase_if(all_, [&](const auto& each) { return each.get() == &connection; });
  if (in_silence && !keeping_works_) endpoint_.cannot_keep_connections();
}

// --- what it can

bool Connections::should_ask() {
  if (multiplex_ != Multiplex::kAuto || must_not_share_ || asking_ != Asking::kNotYet) return false;
  if (endpoint_.capacity().multiplexes || asked_in_vain_ >= kAsksInVain) return false;
  asking_ = Asking::kUnderWay;
  return true;
}

void Connections::answered(const wire::FastcgiValues& values) {
  if (!values.multiplexes.value_or(false)) return asked_in_vain();
  asking_ = Asking::kOver;
  endpoint_.learned({.requests = std::max(values.requests.value_or(kUsualRequests), 1U),
                     .connections = std::max(values.connections.value_or(UINT32_MAX), 1U),
                     .multiplexes = true});
}

void Connections::asked_in_vain() {
  asking_ = Asking::kOver;
  ++asked_in_vain_;
}

void Connections::refused_to_multiplex() {
  must_not_share_ = true;
  apps::Capacity capacity = endpoint_.capacity();
  if (!capacity.multiplexes) return;
  capacity.multiplexes = false;
  capacity.requests = capacity.connections == UINT32_MAX ? 1 : capacity.connections;
  endpoint_.learned(capacity);
}

}  // namespace remuda::gateway::fastcgi
