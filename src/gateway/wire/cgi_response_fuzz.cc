// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a program's output: the same outcome whether they come at once or one by one; what is complete
// holds no octet that could split the response.
#include <cstdint>

#include "base/arena.h"
#include "base/check.h"
#include "gateway/wire/cgi_response.h"

using remuda::gateway::wire::CgiResponseReader;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CgiResponseReader at_once;
  const auto outcome = at_once.read(bytes);
  CgiResponseReader piecewise;
  auto last = CgiResponseReader::Progress::kNeedsMore;
  for (size_t i = 1; i <= size && last == CgiResponseReader::Progress::kNeedsMore; ++i)
    last = piecewise.read(bytes.substr(0, i));
  CHECK(last == outcome);
  if (outcome != CgiResponseReader::Progress::kComplete) return 0;
  CHECK(piecewise.head_size() == at_once.head_size());
  CHECK(piecewise.status() == at_once.status());
  std::array<std::byte, 4096> block;
  remuda::base::Arena arena(block);
  remuda::http::Fields fields(arena);
  at_once.add_fields(bytes, fields);
  for (const auto& field : fields.all()) {
    for (const char c : field.value) CHECK(c != '\r' && c != '\n' && c != '\0');
    CHECK(!field.name.empty());
  }
  return 0;
}
