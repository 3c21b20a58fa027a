// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/proxy/connections.h"

#include <algorithm>

namespace remuda::gateway::proxy {

Connections::~Connections() {
  for (const auto& connection : all_) {
    connection->disown();
    connection->close();
  }
}

void Connections::close_idle() {
  idle_.clear();
  for (const auto& connection : all_) connection->retire();
}

// Looking costs a system call, and a request that is sent to nobody much more.
std::shared_ptr<Connection> Connections::lend() {
  while (!idle_.empty()) {
    Connection& last = *idle_.back();
    idle_.pop_back();
    if (last.is_open() && !last.has_news())
      return std::static_pointer_cast<Connection>(last.shared_from_this());
    last.close();
  }
  return all_.emplace_back(std::make_shared<Connection>(ground_, endpoint_, *this, head_limit_));
}

bool Connections::rests(Connection& connection) {
  if (all_.size() > endpoint_.capacity().connections) return false;
  if (idle_.size() >= endpoint_.keep_rules().idle) return false;
  idle_.push_back(&connection);
  return true;
}

void Connections::gone(Connection& connection, bool in_silence) {
  std::erase(idle_, &connection);
  std::erase_if(all_, [&](const auto& each) { return each.get() == &connection; });
  if (in_silence) endpoint_.lost_kept_connection();
}

}  // namespace remuda::gateway::proxy
