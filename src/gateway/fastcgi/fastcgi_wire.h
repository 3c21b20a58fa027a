// SPDX-License-Identifier: Apache-2.0
//
// FastcgiWire: the wire of an application that speaks FastCGI (wire.h). Keeps its connections in the
// Endpoints that it is lent. One for an application and loop.
#pragma once

#include <memory>

#include "gateway/endpoint_wire.h"
#include "gateway/fastcgi/curiosity.h"

namespace remuda::gateway::fastcgi {

class FastcgiWire final : public EndpointWire {
 public:
  using EndpointWire::EndpointWire;

  std::shared_ptr<Conversation> converse(std::unique_ptr<apps::Lease> lease,
                                         const Question& question) override;

 private:
  Curiosity curiosity_;  // of all endpoints
};

}  // namespace remuda::gateway::fastcgi
