// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/fastcgi_wire.h"

#include "gateway/fastcgi/connections.h"
#include "gateway/fastcgi/fastcgi_conversation.h"

namespace remuda::gateway::fastcgi {

std::shared_ptr<Conversation> FastcgiWire::converse(std::unique_ptr<apps::Lease> lease,
                                                    const Question& question) {
  apps::Endpoint& endpoint = *lease->endpoint();
  if (endpoint.connections == nullptr)
    endpoint.connections =
        std::make_unique<Connections>(channel_ground(), endpoint, options().multiplex, curiosity_);
  auto& connections = static_cast<Connections&>(*endpoint.connections);
  return std::make_shared<FastcgiConversation>(ground(), std::move(lease), question, connections);
}

}  // namespace remuda::gateway::fastcgi
