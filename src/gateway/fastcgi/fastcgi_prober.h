// SPDX-License-Identifier: Apache-2.0
//
// FastcgiProber: an EndpointProber that speaks FastCGI.
#pragma once

#include <string>
#include <string_view>

#include "gateway/endpoint_prober.h"
#include "gateway/wire/fastcgi_decoder.h"

namespace remuda::gateway::fastcgi {

class FastcgiProber final : public EndpointProber {
 public:
  using EndpointProber::EndpointProber;

 private:
  std::string question(std::string_view variables) override;
  Progress take(std::string_view bytes, std::string& answer) override;

  wire::FastcgiDecoder decoder_;
};

}  // namespace remuda::gateway::fastcgi
