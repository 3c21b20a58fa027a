// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/fastcgi_prober.h"

#include "gateway/wire/fastcgi_encoder.h"

namespace remuda::gateway::fastcgi {

namespace {

constexpr uint16_t kRequest = 1;

}  // namespace

std::string FastcgiProber::question(std::string_view variables) {
  decoder_ = wire::FastcgiDecoder();
  std::string out;
  wire::append_fastcgi_begin(kRequest, wire::FastcgiRole::kResponder, wire::KeepConnection::kNo, out);
  wire::append_fastcgi_params(kRequest, variables, out);
  wire::append_fastcgi_stream_end(kRequest, wire::FastcgiType::kStdin, out);
  return out;
}

EndpointProber::Progress FastcgiProber::take(std::string_view bytes, std::string& answer) {
  using Kind = wire::FastcgiEvent::Kind;
  while (true) {
    const wire::FastcgiEvent event = decoder_.next(bytes);
    if (event.kind == Kind::kNeedsMore) return Progress::kNeedsMore;
    if (event.kind == Kind::kBroken) return Progress::kBroken;
    if (event.kind == Kind::kOutput) answer += event.content;
    if (event.kind == Kind::kEnd) return Progress::kEnded;
  }
}

}  // namespace remuda::gateway::fastcgi
