// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/scgi/scgi_wire.h"

#include "gateway/scgi/scgi_conversation.h"

namespace remuda::gateway::scgi {

std::shared_ptr<Conversation> ScgiWire::converse(std::unique_ptr<apps::Lease> lease,
                                                 const Question& question) {
  return std::make_shared<ScgiConversation>(ground(), channel_ground(), std::move(lease), question);
}

}  // namespace remuda::gateway::scgi
