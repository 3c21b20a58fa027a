// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/fastcgi_prober.h"

#include "gateway/wire/fastcgi_decoder.h"
#include "gateway/wire/fastcgi_encoder.h"

namespace remuda::gateway::fastcgi {

namespace {

constexpr uint16_t kRequest = 1;

}  // namespace

std::unique_ptr<EndpointProber::Dialogue> FastcgiProber::dialogue() const {
  class Records final : public Dialogue {
   public:
    std::string question(std::string_view variables) override {
      std::string out;
      wire::append_fastcgi_begin(kRequest, wire::FastcgiRole::kResponder, wire::KeepConnection::kNo, out);
      wire::append_fastcgi_params(kRequest, variables, out);
      wire::append_fastcgi_stream_end(kRequest, wire::FastcgiType::kStdin, out);
      return out;
    }
    Progress take(std::string_view bytes, std::string& answer) override {
      using Kind = wire::FastcgiEvent::Kind;
      while (true) {
        const wire::FastcgiEvent event = decoder_.next(bytes);
        if (event.kind == Kind::kNeedsMore) return Progress::kNeedsMore;
        if (event.kind == Kind::kBroken) return Progress::kBroken;
        if (event.kind == Kind::kOutput) answer += event.content;
        if (event.kind == Kind::kEnd) return Progress::kEnded;
      }
    }

   private:
    wire::FastcgiDecoder decoder_;
  };
  return std::make_unique<Records>();
}

}  // namespace remuda::gateway::fastcgi
