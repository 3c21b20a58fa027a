// SPDX-License-Identifier: Apache-2.0
//
// HttpProber: an EndpointProber that speaks HTTP.
#pragma once

#include <memory>

#include "gateway/endpoint_prober.h"

namespace remuda::gateway::proxy {

class HttpProber final : public EndpointProber {
 public:
  using EndpointProber::EndpointProber;

 private:
  std::unique_ptr<Dialogue> dialogue() const override;
};

}  // namespace remuda::gateway::proxy
