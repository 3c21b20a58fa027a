// SPDX-License-Identifier: Apache-2.0
//
// See the header: the program was told everything else when its lease was acquired.
#include "gateway/cgi/cgi_wire.h"

#include <utility>

#include "gateway/cgi/cgi_conversation.h"

namespace remuda::gateway {

CgiWire::CgiWire(loop::Loop& loop, AppLog& log, WireOptions options)
    : loop_(loop), log_(log), options_(std::move(options)) {}

std::shared_ptr<Conversation> CgiWire::converse(std::unique_ptr<apps::Lease> lease,
                                                const Question& question) {
  return std::make_shared<CgiConversation>(loop_, std::move(lease), log_, options_, question.request);
}

}  // namespace remuda::gateway
