// SPDX-License-Identifier: Apache-2.0
//
// ScgiWire: the wire of an application that speaks SCGI (wire.h): a connection for each request, which ends
// with the answer. One for an application and loop.
#pragma once

#include <memory>

#include "gateway/endpoint_wire.h"

namespace remuda::gateway::scgi {

class ScgiWire final : public EndpointWire {
 public:
  using EndpointWire::EndpointWire;

  std::shared_ptr<Conversation> converse(std::unique_ptr<apps::Lease> lease,
                                         const Question& question) override;
};

}  // namespace remuda::gateway::scgi
