// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an application's answers over HTTP: the same output whether they come at once or one by one,
// and a head that whoever reads CGI's form takes, or refuses, without harm.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/wire/cgi_response.h"
#include "gateway/wire/http_response.h"

using namespace remuda::gateway::wire;

namespace {

using Kind = HttpEvent::Kind;

// Everything that was said, without how it was cut into pieces.
std::string told(std::string_view bytes, size_t piece, HttpAsked asked) {
  HttpResponseDecoder decoder(4096);
  decoder.begin(asked);
  std::string text;
  while (!bytes.empty()) {
    std::string_view some = bytes.substr(0, piece);
    bytes.remove_prefix(some.size());
    while (true) {
      const HttpEvent event = decoder.next(some);
      if (event.kind == Kind::kNeedsMore) break;
      if (event.kind == Kind::kBroken) return text + event.trouble;
      if (event.kind == Kind::kEnd) return text + (decoder.keeps() ? ".keeps" : ".ends");
      if (event.kind == Kind::kSwitched) text += ".switched";
      CHECK(event.kind != Kind::kOutput || !event.content.empty());
      text += event.content;
    }
    CHECK(some.empty());
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  HttpAsked asked;
  if ((data[0] & 1) != 0) asked.content = HttpAsked::Content::kNone;
  if ((data[0] & 2) != 0) asked.upgrade = HttpAsked::Upgrade::kMaySwitch;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string at_once = told(bytes, SIZE_MAX, asked);
  CHECK(at_once == told(bytes, 1, asked));
  CHECK(at_once == told(bytes, 7, asked));
  CgiResponseReader reader(CgiResponseReader::Switching::kTaken);
  reader.read(at_once);
  return 0;
}
