// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an application's records: the same events whether they come at once or one by one, content
// that points into what was given, and a values record that is read within its bounds.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/wire/fastcgi_decoder.h"
#include "gateway/wire/fastcgi_values.h"

using namespace remuda::gateway::wire;

namespace {

using Kind = FastcgiEvent::Kind;

// Everything that was said, without how it was cut into pieces.
std::string told(std::string_view bytes, size_t piece) {
  FastcgiDecoder decoder;
  std::string text;
  Kind last = Kind::kNeedsMore;
  while (!bytes.empty()) {
    const std::string_view given = bytes.substr(0, piece);
    std::string_view some = given;
    bytes.remove_prefix(given.size());
    while (true) {
      const FastcgiEvent event = decoder.next(some);
      if (event.kind == Kind::kNeedsMore) break;
      const bool stream = event.kind == Kind::kOutput || event.kind == Kind::kErrors;
      if (stream) CHECK(event.content.data() >= given.data() && event.content.end() <= given.end());
      if (stream) CHECK(!event.content.empty() && event.request != 0);
      if (!stream || event.kind != last) text += static_cast<char>('A' + static_cast<int>(event.kind));
      last = event.kind;
      if (stream) {
        for (const char c : event.content) text += {static_cast<char>(event.request & 0xff), c};
      } else {
        text += event.content;
        text += std::to_string(event.app_status);
      }
      if (event.kind == Kind::kValues) read_fastcgi_values(event.content);
      if (event.kind == Kind::kBroken) return text + event.trouble;
    }
    CHECK(some.empty());
  }
  return text + (decoder.between_records() ? "." : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CHECK(told(bytes, SIZE_MAX) == told(bytes, 1));
  CHECK(told(bytes, SIZE_MAX) == told(bytes, 7));
  read_fastcgi_values(bytes);
  return 0;
}
