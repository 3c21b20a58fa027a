// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/proxy/http_wire.h"

#include "gateway/proxy/http_conversation.h"

namespace remuda::gateway::proxy {

std::shared_ptr<Conversation> HttpWire::converse(std::unique_ptr<apps::Lease> lease,
                                                 const Question& question) {
  auto& kept = lease->endpoint()->connections;
  if (kept == nullptr)
    kept = std::make_unique<Connections>(channel_ground(), *lease->endpoint(), options().head_limit);
  auto& connections = static_cast<Connections&>(*kept);
  return std::make_shared<HttpConversation>(ground(), std::move(lease), question, connections);
}

}  // namespace remuda::gateway::proxy
