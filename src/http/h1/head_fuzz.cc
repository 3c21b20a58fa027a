// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target for heads of requests: codec_invariants.h says what must hold. Once with the limits of a
// server, once with limits so small that every one of them is met.
#include "http/h1/codec_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace remuda::http::h1;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_head(bytes);
  check_head(bytes, {.request_line = 40, .fields = {.total = 120, .line = 50, .count = 4}});
  return 0;
}
