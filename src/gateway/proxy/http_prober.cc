// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/proxy/http_prober.h"

#include <fmt/format.h>

#include "gateway/wire/http_response.h"

namespace remuda::gateway::proxy {

namespace {

constexpr size_t kLongestHead = 64 * 1024;

std::string_view value_of(std::string_view variables, std::string_view name) {
  const size_t at = variables.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = variables.substr(at + name.size());
  return rest.substr(0, rest.find('\0'));
}

}  // namespace

std::unique_ptr<EndpointProber::Dialogue> HttpProber::dialogue() const {
  class Exchange final : public Dialogue {
   public:
    std::string question(std::string_view variables) override {
      decoder_.begin({});
      return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nConnection: close\r\n\r\n",
                         value_of(variables, "REQUEST_URI="), value_of(variables, "HTTP_HOST="),
                         value_of(variables, "SERVER_SOFTWARE="));
    }
    Progress take(std::string_view bytes, std::string& answer) override {
      using Kind = wire::HttpEvent::Kind;
      while (true) {
        const wire::HttpEvent event = decoder_.next(bytes);
        if (event.kind == Kind::kNeedsMore) return Progress::kNeedsMore;
        if (event.kind == Kind::kEnd) return Progress::kEnded;
        if (event.kind != Kind::kOutput) return Progress::kBroken;
        answer += event.content;
      }
    }

   private:
    wire::HttpResponseDecoder decoder_{kLongestHead};
  };
  return std::make_unique<Exchange>();
}

}  // namespace remuda::gateway::proxy
