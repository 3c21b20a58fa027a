// SPDX-License-Identifier: Apache-2.0
//
// ScgiProber: an EndpointProber that speaks SCGI.
#pragma once

#include <memory>

#include "gateway/endpoint_prober.h"
#include "gateway/wire/scgi_request.h"

namespace remuda::gateway::scgi {

class ScgiProber final : public EndpointProber {
 public:
  using EndpointProber::EndpointProber;

 private:
  std::unique_ptr<Dialogue> dialogue() const override {
    class Netstring final : public Dialogue {
      std::string question(std::string_view variables) override {
        std::string out;
        wire::append_scgi_request(variables, out);
        return out;
      }
      Progress take(std::string_view bytes, std::string& answer) override {
        answer += bytes;
        return Progress::kNeedsMore;
      }
    };
    return std::make_unique<Netstring>();
  }
};

}  // namespace remuda::gateway::scgi
