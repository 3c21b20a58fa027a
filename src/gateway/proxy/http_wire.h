// SPDX-License-Identifier: Apache-2.0
//
// HttpWire: the wire of an application that has an HTTP server of its own (wire.h). Keeps its connections in
// the Endpoints that it is lent. One for an application and loop.
#pragma once

#include <memory>

#include "gateway/endpoint_wire.h"

namespace remuda::gateway::proxy {

class HttpWire final : public EndpointWire {
 public:
  using EndpointWire::EndpointWire;

  Takes takes() const override { return Takes::kFields; }
  std::shared_ptr<Conversation> converse(std::unique_ptr<apps::Lease> lease,
                                         const Question& question) override;
};

}  // namespace remuda::gateway::proxy
