// SPDX-License-Identifier: Apache-2.0
//
// FastcgiProber: an EndpointProber that speaks FastCGI.
#pragma once

#include <memory>

#include "gateway/endpoint_prober.h"

namespace remuda::gateway::fastcgi {

class FastcgiProber final : public EndpointProber {
 public:
  using EndpointProber::EndpointProber;

 private:
  std::unique_ptr<Dialogue> dialogue() const override;
};

}  // namespace remuda::gateway::fastcgi
